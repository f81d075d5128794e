"""IMPROVE's first script: the rows of a split, expression and structures become the tables that bdrp is asked with.

`python -m examples.improve.bdrp_preprocess_improve --input_dir csa_data/raw_data --output_dir ml_data`
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
from improvelib import utils
from improvelib.applications.drug_response_prediction import drp_utils
from improvelib.applications.drug_response_prediction.config import DRPPreprocessConfig
from improvelib.applications.drug_response_prediction.drug_utils import DrugsLoader
from improvelib.applications.drug_response_prediction.omics_utils import OmicsLoader

from examples.improve import ml_data
from examples.improve.model_params import read_params
from examples.over_files.asking import Features

EXPRESSION, STRUCTURES, RESPONSES = "cancer_gene_expression.tsv", "drug_SMILES.tsv", "response.tsv"


def run(params: dict[str, Any]) -> str:
    """Write the tables of the three stages; where they lie."""
    out, ids = utils.create_outdir(params["output_dir"]), [params["canc_col_name"], params["drug_col_name"]]
    features, described = load_features(params), []
    for stage in ml_data.STAGES:
        loaded = drp_utils.DrugResponseLoader(params, split_file=params[f"{stage}_split_file"], verbose=False)
        responses = ml_data.keep_described(loaded.dfs[RESPONSES], features, ids)
        path = out / utils.build_ml_data_file_name(params["data_format"], stage)
        ml_data.write_rows(responses, path, [*ids, params["y_col_name"]])
        utils.save_stage_ydf(responses, stage, params["output_dir"])
        described.append(responses[ids])
    lines, drugs = pd.concat(described).T.to_numpy()
    expression = features.expression[features.expression.index.isin(lines)]
    ml_data.write_features(
        replace(features, expression=expression, smiles=features.smiles[features.smiles.index.isin(drugs)]), out
    )
    return str(params["output_dir"])


def load_features(params: dict[str, Any]) -> Features:
    """Expression by symbol, the first column of those that bear one, and structures."""
    expression = OmicsLoader(params, verbose=False).dfs[EXPRESSION].set_index(params["canc_col_name"])
    structures = DrugsLoader(params, verbose=False).dfs[STRUCTURES].iloc[:, 0].dropna()
    return Features(expression.loc[:, ~expression.columns.duplicated()], structures[~structures.index.duplicated()])


if __name__ == "__main__":
    run(read_params(DRPPreprocessConfig()))

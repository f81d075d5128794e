"""One dictionary of expression: what a table of it is, on which scale, and how it is brought onto a model's.

`read_expression` reads any layout; `tell_scale` names counts, TPM, logarithms and z-scores by their shape;
`measure_shift` compares a cohort with the training lines without any response, `match_expression` maps it onto them,
and `admit` is the door of a model: it looks, refuses, warns or matches.
"""

from bdrp.data.expression.admission import admit as admit
from bdrp.data.expression.h5ad import pseudobulk as pseudobulk
from bdrp.data.expression.matching import MATCHINGS as MATCHINGS
from bdrp.data.expression.matching import match_expression as match_expression
from bdrp.data.expression.odd_lines import check_odd as check_odd
from bdrp.data.expression.reference import Reference as Reference
from bdrp.data.expression.scale import SCALES as SCALES
from bdrp.data.expression.scale import refuse_raw as refuse_raw
from bdrp.data.expression.scale import tell_scale as tell_scale
from bdrp.data.expression.shift import measure_shift as measure_shift
from bdrp.data.expression.table import read_expression as read_expression

# docker build -t bdrp .
# docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" bdrp demo --out demo
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY bdrp bdrp
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /dist .

FROM python:3.12-slim
# RDKit draws molecules with these; torch needs the OpenMP runtime; their security fixes are wanted, so no release is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends libexpat1 libgomp1 libxext6 libxrender1 \
 && rm -rf /var/lib/apt/lists/*
COPY constraints.txt /tmp/constraints.txt
# The index of the CPU build of torch: TORCH_INDEX="" takes the default one, with CUDA. Its release is that of the constraints.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# hadolint ignore=DL3013
RUN pip install --no-cache-dir ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "$(grep '^torch==' /tmp/constraints.txt)"
COPY --from=build /dist /tmp/dist
RUN pip install --no-cache-dir --constraint /tmp/constraints.txt /tmp/dist/*.whl \
 && pip check \
 && rm -rf /tmp/dist /tmp/constraints.txt
ENV HOME=/tmp MPLBACKEND=Agg
USER 1000
WORKDIR /work
ENTRYPOINT ["bdrp"]
CMD ["--help"]

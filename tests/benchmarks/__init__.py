"""How fast jqtrade is, as ratios to the raw work: `python -m tests.benchmarks`. The results: docs/performance.md."""

"""Python imports this at its start where this folder is on PYTHONPATH: failpoints in `python -m jqtrade` itself."""

import os
import sys

if os.environ.get("JQTRADE_FAULT"):
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))))
    from tests.faults import failpoints

    failpoints.install_from_environment()

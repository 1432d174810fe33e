"""One command of a pipeline: `python -m gambol.app.pipeline_command WORDS`.

It ends when the process that started it does, however that ends: nobody writes into a folder in
which the same command is started again.
"""

import os
import sys
import threading

from gambol.app import console
from gambol.app.cli import main


def _end_with_parent() -> None:
    os.read(0, 1)  # nothing comes; the end comes with that of the parent
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.argv[0] = "gambol"
    console.keep_log()
    main()

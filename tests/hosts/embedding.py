"""A program that embeds a console, as Spyder and napari do: asks once and prints what it shows.

Run with the Python of qtconsole; the arguments are the lines to run.
"""

from __future__ import annotations

import sys

from qtconsole.manager import QtKernelManager
from qtconsole.rich_jupyter_widget import RichJupyterWidget
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication


def main(lines: list[str]) -> None:
    """Run the lines one after the other, each when the one before has ended."""
    application = QApplication([])
    manager = QtKernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    console = RichJupyterWidget()
    console.kernel_manager, console.kernel_client = manager, client
    waiting = list(lines)

    def go_on(*_: object) -> None:
        QTimer.singleShot(200, run_next)  # what was printed comes on another channel

    def run_next() -> None:
        if waiting:
            console.execute(waiting.pop(0))
            return
        print(console._control.toPlainText())
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        application.quit()

    console.executed.connect(go_on)
    client.kernel_info()
    QTimer.singleShot(3000, run_next)
    application.exec()


if __name__ == "__main__":
    main(sys.argv[1:])

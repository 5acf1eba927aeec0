"""A program that embeds a console, as Spyder and napari do: prints what it shows at the end.

It says first whether a text could be read before the one that follows it.

Run with the Python of qtconsole; the arguments are those two texts, then the lines to run.
"""

from __future__ import annotations

import sys

from qtconsole.manager import QtKernelManager
from qtconsole.rich_jupyter_widget import RichJupyterWidget
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication


def main(arguments: list[str]) -> None:
    """Run the lines one after the other, each when the one before has ended."""
    application = QApplication([])
    manager = QtKernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    console = RichJupyterWidget()
    console.kernel_manager, console.kernel_client = manager, client
    early, late, *waiting = arguments
    seen_early = False

    def look() -> None:
        nonlocal seen_early
        text = console._control.toPlainText()
        seen_early = seen_early or (early in text and late not in text)

    def go_on(*_: object) -> None:
        QTimer.singleShot(200, run_next)  # what was printed comes on another channel

    def run_next() -> None:
        if waiting:
            console.execute(waiting.pop(0), interactive=True)  # as typed
            return
        print("seen early:", seen_early)
        print(console._control.toPlainText())
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        application.quit()

    console.executed.connect(go_on)
    watch = QTimer()
    watch.timeout.connect(look)
    watch.start(50)
    client.kernel_info()
    QTimer.singleShot(3000, run_next)
    application.exec()


if __name__ == "__main__":
    main(sys.argv[1:])

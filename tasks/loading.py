"""One model is loaded at a time: the libraries swap torch's own functions for the whole process while they build one.

Two threads that load at once leave a net without weights ("Cannot copy out of meta tensor"): a ControlNet on its first
use and a judge, a segmentation or a depth model on theirs.
"""

from threading import RLock

LOADING = RLock()

"""A bit generator that draws the doubles of a script, so that rare numbers occur in a test."""

import ctypes
import threading

GREATEST = 1 - 2**-53  # of the doubles that a bit generator draws
_NAME = b"BitGenerator"
_NEXT = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_void_p)
_CAPSULE = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)


class Scripted:
    """A NumPy BitGenerator, as far as the kernel uses it.

    Parameters
    ----------
    uniform : callable
        Returns the next double.
    """

    def __init__(self, uniform):
        self.lock = threading.Lock()
        self._next = _NEXT(lambda _: uniform())
        # state, next_uint64, next_uint32, next_double, next_raw
        double = ctypes.cast(self._next, ctypes.c_void_p)
        self._functions = (ctypes.c_void_p * 5)(None, None, None, double, None)
        new = _CAPSULE(("PyCapsule_New", ctypes.pythonapi))
        self.capsule = new(ctypes.addressof(self._functions), _NAME, None)

"""ONNX Runtime's C interface from its Python package, for times without Python's own.

Every array that a call reads or fills is made beforehand, as a C program does, so that a call is `OrtApi::Run` alone and
nothing is copied or allocated around it; calling a C function from Python adds about a microsecond, which `empty_call_us` measures.
"""

import ctypes
import pathlib
import time

import numpy as np
import onnxruntime

# Where functions are in the table `OrtApi` of onnxruntime_c_api.h, which only grows at its end.
ERROR_MESSAGE, CREATE_ENV, CREATE_SESSION, RUN, CREATE_OPTIONS = 2, 3, 7, 9, 10
SET_EXECUTION, SET_OPTIMIZATION, INTRA_THREADS, INTER_THREADS = 13, 23, 24, 25
CREATE_TENSOR, CREATE_MEMORY_INFO = 49, 69
ELEMENTS = {"float32": 1, "int32": 6, "int64": 7}
VERSION = 17  # of the table; any later library has it.

pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int


class Base(ctypes.Structure):
    _fields_ = [("get_api", ctypes.CFUNCTYPE(pointer, ctypes.c_uint32)), ("version", pointer)]


def _library():
    [path] = (pathlib.Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*")
    library = ctypes.CDLL(str(path))
    library.OrtGetApiBase.restype = ctypes.POINTER(Base)
    return library


_LIBRARY = _library()
_TABLE = _LIBRARY.OrtGetApiBase().contents.get_api(VERSION)


def _function(index, *types):
    address = pointer.from_address(_TABLE + index * ctypes.sizeof(pointer)).value
    return ctypes.CFUNCTYPE(pointer, *types)(address)


def _checked(status):
    if status:
        message = ctypes.CFUNCTYPE(text, pointer)(
            pointer.from_address(_TABLE + ERROR_MESSAGE * ctypes.sizeof(pointer)).value
        )
        raise RuntimeError(message(status).decode())


def _made(index, *arguments, types):
    made = pointer()
    _checked(_function(index, *types, ctypes.POINTER(pointer))(*arguments, ctypes.byref(made)))
    return made


_ENV = _made(CREATE_ENV, 3, b"bench", types=[number, text])
_MEMORY = _made(CREATE_MEMORY_INFO, 1, 0, types=[number, number])
_RUN = _function(
    RUN, pointer, pointer, ctypes.POINTER(text), ctypes.POINTER(pointer), ctypes.c_size_t, ctypes.POINTER(text),
    ctypes.c_size_t, ctypes.POINTER(pointer),
)  # fmt: skip


class Session:
    """A graph on one thread with all optimisations of graphs."""

    def __init__(self, path):
        options = _made(CREATE_OPTIONS, types=[])
        for index, value in [(INTRA_THREADS, 1), (INTER_THREADS, 1), (SET_EXECUTION, 0), (SET_OPTIMIZATION, 99)]:
            _checked(_function(index, pointer, number)(options, value))
        self.session = _made(CREATE_SESSION, _ENV, str(path).encode(), options, types=[pointer, text, pointer])

    def caller(self, inputs, outputs):
        """A function without arguments that runs the graph from these arrays into those, by name."""
        sides = []
        for arrays in (inputs, outputs):
            names = (text * len(arrays))(*(name.encode() for name in arrays))
            values = (pointer * len(arrays))(*(self._tensor(array) for array in arrays.values()))
            sides.append((names, values, len(arrays)))
        (names_in, values_in, count_in), (names_out, values_out, count_out) = sides
        session = self.session

        def run(_kept=(inputs, outputs)):
            status = _RUN(session, None, names_in, values_in, count_in, names_out, count_out, values_out)
            if status:
                _checked(status)

        return run

    @staticmethod
    def _tensor(array):
        assert array.flags.c_contiguous
        shape = (ctypes.c_int64 * max(array.ndim, 1))(*array.shape)
        types = [pointer, pointer, ctypes.c_size_t, ctypes.POINTER(ctypes.c_int64), ctypes.c_size_t, number]
        element = ELEMENTS[str(array.dtype)]
        arguments = (_MEMORY, array.ctypes.data, array.nbytes, shape, array.ndim, element)
        return _made(CREATE_TENSOR, *arguments, types=types).value


def empty_call_us():
    """What calling a C function of as many arguments takes: one that refuses at once."""
    nothing = ctypes.CFUNCTYPE(pointer, *[pointer] * 8)(("strlen", ctypes.CDLL(None)))
    argument = ctypes.cast(ctypes.c_char_p(b""), pointer)
    best = np.inf
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(1000):
            nothing(argument, None, None, None, 0, None, 0, None)
        best = min(best, (time.perf_counter() - start) * 1e3)
    return best

"""TensorRT's Python bindings as the benches of this folder use them: build, run, time.

Needs TensorRT's shared libraries, its Python bindings, PyTorch and a GPU:
  BENCH_TENSORRT         folder with trt/lib (libnvinfer.so.10 ...) and python (tensorrt_bindings)
  INTENTD_PLUGINS     the plugin library, by default build/Release/libintentd_plugins.so
"""
import ctypes
import json
import os
import re
import statistics
import sys
import time

import torch

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TRT = os.environ.get('BENCH_TENSORRT', '/opt/tensorrt')
PLUGINS = os.environ.get('INTENTD_PLUGINS', os.path.join(ROOT, 'build/Release/libintentd_plugins.so'))

sys.path.insert(0, TRT + '/python')
for _library in ('libnvinfer.so.10', 'libnvinfer_plugin.so.10', 'libnvonnxparser.so.10'):
    ctypes.CDLL(f'{TRT}/trt/lib/{_library}', mode=ctypes.RTLD_GLOBAL)
import tensorrt_bindings as trt  # noqa: E402  its libraries have to be open before


class Log(trt.ILogger):
    """Prints warnings and errors, and keeps them."""

    def __init__(self):
        trt.ILogger.__init__(self)
        self.lines = []

    def log(self, severity, message):
        if int(severity) <= int(trt.ILogger.Severity.WARNING):
            self.lines.append(message)
            print(f'TensorRT {severity}: {message}'[:400], flush=True)


LOG = Log()
RUNTIME = trt.Runtime(LOG)
_cache = [b'']  # one timing cache for every build of the process: their GEMMs are the same

TYPES = {trt.float16: torch.half, trt.float32: torch.float, trt.int32: torch.int32, trt.int64: torch.int64}


def load_plugins():
    """Registers the project's plugins; raises where the library cannot be loaded."""
    if trt.get_plugin_registry().load_library(PLUGINS) is None:
        raise RuntimeError(f'{PLUGINS} was not loaded')


def build(onnx, shapes, sparse=False, one_stream=False):
    """A strongly typed engine with one profile for each of `shapes`, {input: dimensions} or {input: [least, most
    often, largest]}. `one_stream` lets no layer run beside another. Returns its plan."""
    builder = trt.Builder(LOG)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, LOG)
    if not parser.parse(onnx):
        raise RuntimeError('; '.join(str(parser.get_error(i)) for i in range(parser.num_errors)))
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, 1 << 30)
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    if sparse:
        config.set_flag(trt.BuilderFlag.SPARSE_WEIGHTS)
    if one_stream:
        config.max_aux_streams = 0
    cache = config.create_timing_cache(_cache[0])
    config.set_timing_cache(cache, ignore_mismatch=True)
    for shape in shapes:
        profile = builder.create_optimization_profile()
        for name, dimensions in shape.items():
            bounds = dimensions if isinstance(dimensions, list) else [dimensions] * 3
            profile.set_shape(name, *bounds)
        config.add_optimization_profile(profile)
    start = time.time()
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise RuntimeError('the builder gave no engine; see the log above')
    _cache[0] = bytes(config.get_timing_cache().serialize())
    print(f'  built in {time.time() - start:.1f} s, {plan.nbytes / 1e6:.1f} MB', flush=True)
    return plan


class Run:
    """One engine at one of its profiles, with its tensors on the GPU and, unless told not to, its CUDA graph captured."""

    def __init__(self, engine, profile, inputs, stream, graph=True):
        torch.cuda.synchronize()  # the inputs were made on another stream
        self.stream = stream
        self.context = engine.create_execution_context()
        self.context.set_optimization_profile_async(profile, stream.cuda_stream)
        self.tensors = dict(inputs)
        for name, tensor in inputs.items():
            self.context.set_input_shape(name, tuple(tensor.shape))
            self.context.set_tensor_address(name, tensor.data_ptr())
        for i in range(engine.num_io_tensors):
            name = engine.get_tensor_name(i)
            if name in inputs:
                continue
            shape = tuple(self.context.get_tensor_shape(name))
            self.tensors[name] = torch.empty(shape, dtype=TYPES[engine.get_tensor_dtype(name)], device='cuda')
            self.context.set_tensor_address(name, self.tensors[name].data_ptr())
        self.enqueue()
        self.enqueue()
        stream.synchronize()
        if not graph:
            return
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=stream):
            self.enqueue()

    def enqueue(self):
        if not self.context.execute_async_v3(self.stream.cuda_stream):
            raise RuntimeError('TensorRT did not run the engine; see the log above')

    def replay(self):
        self.graph.replay()

    def output(self, name):
        """A copy of what the graph writes, after one replay."""
        torch.cuda.synchronize()
        with torch.cuda.stream(self.stream):
            self.graph.replay()
        self.stream.synchronize()
        return self.tensors[name].clone()


def kernels(run, stream, replays=50):
    """[(microseconds, name)] of the GPU's work in one replay, in the order of its start, medians over the replays."""
    from torch.profiler import ProfilerActivity, profile
    with torch.cuda.stream(stream):
        for _ in range(20):
            run.replay()
        stream.synchronize()
        with profile(activities=[ProfilerActivity.CUDA]) as profiled:
            for _ in range(replays):
                run.replay()
            stream.synchronize()
    events = sorted((one for one in profiled.events() if one.device_type == torch.autograd.DeviceType.CUDA),
                    key=lambda one: one.time_range.start)
    each = len(events) // replays
    rows = [events[at * each:(at + 1) * each] for at in range(replays)]
    return [(statistics.median(row[at].time_range.elapsed_us() for row in rows), rows[0][at].name) for at in range(each)]


def layers(engine):
    """The layers of the first profile, as the engine inspector tells them."""
    text = engine.create_engine_inspector().get_engine_information(trt.LayerInformationFormat.JSON)
    told = [layer for layer in json.loads(text)['Layers'] if isinstance(layer, dict)]
    return [layer for layer in told if not re.search(r'\[profile|_myl[1-9]', layer['Name'])]


def alternate(runs, stream, rounds=120):
    """GPU milliseconds of one replay of each run, {name: [ms, ...]}, taken in turns; each is replayed once before
    it is timed, so that what it left in the caches is its own and the GPU is busy when the clock starts."""
    times = {name: [] for name in runs}
    with torch.cuda.stream(stream):
        for _ in range(20):
            for run in runs.values():
                run.replay()
        for _ in range(rounds):
            for name, run in runs.items():
                begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
                run.replay()
                begin.record(stream)
                run.replay()
                end.record(stream)
                stream.synchronize()
                times[name].append(begin.elapsed_time(end))
    return times


def told(times, base):
    """Lines of a table: median, the middle 80 %, and how many times faster than `base`."""
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, values in times.items():
        tenths = statistics.quantiles(values, n=10)
        yield (f'  {name:<28} {medians[name]:.4f} ms  ({tenths[0]:.4f} to {tenths[-1]:.4f})  '
               f'{medians[base] / medians[name]:.3f}x {base}')


def machine():
    """One line: GPU, driver, TensorRT, CUDA, PyTorch."""
    import pynvml
    pynvml.nvmlInit()
    driver = pynvml.nvmlSystemGetDriverVersion()
    return (f'{torch.cuda.get_device_name()}, driver {driver}, TensorRT {trt.__version__}, '
            f'PyTorch {torch.__version__} (CUDA {torch.version.cuda})')

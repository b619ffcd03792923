"""GPU time of one launch: CUDA graphs of several launches, replayed between events; median and spread."""

import statistics

import torch


def graph_of(launches):
    """A graph of the callables in order, each warmed up before."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for launch in launches:
            launch()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for launch in launches:
            launch()
    return graph


def time_us(launches, target_ms=12.0, samples=9):
    """Median microseconds a launch, and the half-width of the middle half of the samples over it."""
    graph = graph_of(launches)
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

    def once(replays):
        begin.record()
        for _ in range(replays):
            graph.replay()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) * 1e3 / replays / len(launches)

    once(1)
    replays = max(1, min(200, round(target_ms * 1e3 / samples / max(once(2) * len(launches), 1))))
    times = sorted(once(replays) for _ in range(samples))
    median = statistics.median(times)
    quartile = len(times) // 4
    return median, (times[-1 - quartile] - times[quartile]) / 2 / median


def copies(make, bytes_each, limit=256 << 20):
    """As many independent data sets as exceed the L2 together, at most eight."""
    count = 1 if bytes_each > limit else max(1, min(8, limit // max(bytes_each, 1)))
    return [make(i) for i in range(count)]

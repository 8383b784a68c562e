#!/usr/bin/env python3
"""Reads event files with TensorBoard itself (pip install tensorboard) and prints every point.

  read.py events.hex       the golden file of events_test.go
  read.py DIRECTORY        a folder of event files, such as `starter get NAME tensorboard` fetches
"""
import pathlib
import sys
import tempfile

from tensorboard.backend.event_processing import event_multiplexer, plugin_event_multiplexer

source = pathlib.Path(sys.argv[1])
with tempfile.TemporaryDirectory() as scratch:
    if source.is_file():
        data = bytes.fromhex("".join(source.read_text().split()))
        folder = pathlib.Path(scratch, "golden")
        folder.mkdir()
        (folder / "events.out.tfevents.0").write_bytes(data)
        source = pathlib.Path(scratch)
    # The first is what programs read files with, the second what the web page does.
    points = event_multiplexer.EventMultiplexer(size_guidance={"scalars": 0})
    page = plugin_event_multiplexer.EventMultiplexer()
    for reader in points, page:
        reader.AddRunsFromDirectory(str(source))
        reader.Reload()
    for run in sorted(points.Runs()):
        for tag in sorted(points.Runs()[run]["scalars"]):
            about = page.SummaryMetadata(run, tag)
            print(f"{run}  {tag}  [{about.plugin_data.plugin_name}]  {about.summary_description}")
            shown = page.Tensors(run, tag)
            for point, same in zip(points.Scalars(run, tag), shown, strict=True):
                value, = same.tensor_proto.float_val
                assert (point.step, point.wall_time, point.value) == (same.step, same.wall_time, value)
                print(f"  step {point.step}  time {point.wall_time:.12g}  {point.value:.6g}")

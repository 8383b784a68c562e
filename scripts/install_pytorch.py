#!/usr/bin/env python3
"""Installs PyTorch for its CPU side into the environment that runs this: 0.6 GB to download in place of 3 GB.

PyPI's wheel for Linux on x86-64 is built for CUDA and won't be imported without eleven of its libraries, of which a machine
without a GPU calls none but the runtime. Empty ones of the same names take their place. Where that doesn't work, everything
is installed.
"""
import importlib.metadata
import pathlib
import re
import subprocess
import sys
import sysconfig
import tempfile

PACKAGES = ["torch", "torchvision"]
BESIDE = ["numpy", "pillow", "safetensors"]
PROGRAM = "import torch, torchvision; torchvision.models.resnet18()(torch.zeros(2, 3, 64, 64))"

site = pathlib.Path(sysconfig.get_path("platlib"))
libraries = site / "torch" / "lib"


def pip(*arguments):
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *arguments], check=True, stdout=sys.stderr)


def requirements():
    """What torch asks for, without CUDA's libraries but its small runtime."""
    for text in importlib.metadata.requires("torch"):
        name, marker = re.match(r"[\w.-]+", text).group(), text.partition(";")[2]
        if name == "cuda-toolkit":
            yield re.sub(r"\[.*?\]", "[cudart]", text)
        elif "extra ==" not in marker and not name.startswith(("nvidia-", "cuda-", "triton")):
            yield text


def readelf(option, file):
    return subprocess.run(["readelf", "-W", option, str(file)], check=True, capture_output=True, text=True).stdout


def missing_libraries():
    there = {f.name for f in libraries.iterdir()} | {f.name for f in site.glob("nvidia/*/lib/*")}
    needed = set()
    for file in libraries.glob("lib*.so"):
        needed |= set(re.findall(r"\(NEEDED\).*\[(lib(?:cu|nv|nccl).*)\]", readelf("-d", file)))
    return needed - there - {"libcuda.so.1"}  # the driver's, asked for on its first use


def write_stubs():
    with tempfile.TemporaryDirectory() as folder:
        versions = pathlib.Path(folder, "versions")
        versions.write_text("NVSHMEM { *; };")
        for name in missing_libraries():
            command = ["cc", "-shared", "-x", "c", "-", f"-Wl,-soname,{name}", "-o", libraries / name]
            source = ""
            if name.startswith("libnvshmem"):
                # A variable must be there when the library is loaded; functions are looked for when they are called.
                source = "void *nvshmem_selected_device_transport;"
                command.append(f"-Wl,--version-script={versions}")
            subprocess.run(command, input=source, text=True, check=True)
    # Makes torch load its libraries so that functions are looked for when they are called.
    (site / "twinview.pth").write_text('import os; os.environ.setdefault("TORCH_USE_RTLD_GLOBAL", "1")\n')


def works():
    return subprocess.run([sys.executable, "-c", PROGRAM]).returncode == 0


try:
    pip("--no-deps", *PACKAGES)
    pip(*BESIDE, *requirements())
    if sys.platform == "linux":
        write_stubs()
    if works():
        sys.exit()
except (OSError, subprocess.CalledProcessError) as error:
    print(error, file=sys.stderr)
print("PyTorch doesn't work without CUDA's libraries here: installing them (3 GB) ...", file=sys.stderr)
pip("--force-reinstall", *PACKAGES, *BESIDE)
sys.exit(not works())

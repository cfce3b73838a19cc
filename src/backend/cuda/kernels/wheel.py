"""A pinned package of the registry, as it is installed."""
import importlib.metadata
import sys


def pinned(package, version, *patterns):
    """The path of the one file in the installed wheel that matches a pattern."""
    try:
        wheel = importlib.metadata.distribution(package)
    except importlib.metadata.PackageNotFoundError:
        sys.exit(f"{package} is not installed: pip install {package}=={version}")
    if wheel.version != version:
        sys.exit(f"{package} {wheel.version} is installed, expected {version}")
    file, = (file for file in wheel.files if any(file.match(pattern) for pattern in patterns))
    return str(wheel.locate_file(file))

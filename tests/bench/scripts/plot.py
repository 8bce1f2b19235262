"""Draws the pictures of ws-server/BENCHMARKS.md: plot.py RESULTS FOLDER. Bars are medians, whiskers quartiles."""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

OURS, FLOOR, OTHERS = "#c0392b", "#95a5a6", "#2e86c1"


def colour(name):
    return {"ws-server": OURS, "mailbox": OURS, "floor": FLOOR}.get(name, OTHERS)


def bars(axes, cell, keys=("median",)):
    """A bar for each peer of a cell, the cheapest on top; with other keys a mark for each of them."""
    peers = [peer for peer in cell["peers"] if "figure" in peer]
    peers.sort(key=lambda peer: peer["figure"]["median"], reverse=True)
    for place, peer in enumerate(peers):
        figure = peer["figure"]
        low, high = figure["median"] - figure["low"], figure["high"] - figure["median"]
        axes.barh(place, figure["median"], xerr=[[low], [high]], color=colour(peer["name"]), ecolor="black", capsize=2)
        for key, mark in zip(keys[1:], "|x"):
            axes.plot(peer[key], place, mark, color="black")
    axes.set_yticks(range(len(peers)), [peer["name"] for peer in peers], fontsize=7)
    axes.set_xscale("log")
    axes.set_title(cell["name"], fontsize=8)
    axes.set_xlabel(cell["unit"], fontsize=7)
    axes.tick_params(axis="x", labelsize=7)


def sheet(folder, name, cells, draw):
    """One picture with a part for each cell, three in a row."""
    if not cells:
        print(f"{name}: this run has no such cells")
        return
    columns = min(3, len(cells))
    rows = -(-len(cells) // columns)
    figure, parts = plt.subplots(rows, columns, figsize=(4.6 * columns, 3 * rows), squeeze=False)
    for part, cell in zip(parts.flat, cells):
        draw(part, cell)
    for part in parts.flat[len(cells) :]:
        part.axis("off")
    figure.tight_layout()
    path = folder / name
    figure.savefig(path, dpi=80, metadata={"Software": None})
    plt.close(figure)
    print(f"written: {path.name}")


def main(results, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    cells = json.loads(pathlib.Path(results).read_text(encoding="utf-8"))["cells"]

    def of(start, contains=""):
        return [cell for cell in cells if cell["name"].startswith(start) and contains in cell["name"]]

    sheet(folder, "echo.png", of("echo/binary", "/50c/") + of("echo/mixed", "/50c/d16"), bars)
    sheet(folder, "codec.png", of("codec/"), bars)
    sheet(folder, "memory.png", of("memory/"), bars)
    sheet(folder, "latency.png", of("latency/"), lambda axes, cell: bars(axes, cell, ("median", "p50", "p99.9")))


main(*sys.argv[1:])

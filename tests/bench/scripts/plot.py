"""Draws the pictures of ws-server/BENCHMARKS.md: plot.py RESULTS FOLDER. Points and bars are medians of the rounds."""

import io
import json
import pathlib
import re
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator
from PIL import Image

OURS, OURS_TOO, FLOOR, LIMIT = "#c0392b", "#e59866", "#7f8c8d", "#bdc3c7"
LIMITS = ("memcpy", "XOR in place", "simdutf8")
OTHERS = plt.get_cmap("tab20").colors[0:6:2] + plt.get_cmap("tab20").colors[8:20:2] + plt.get_cmap("tab20").colors[1:12:2]
SIZES = {"16 B": 16, "125 B": 125, "1 KiB": 1 << 10, "16 KiB": 16 << 10, "1 MiB": 1 << 20}


class Pictures:
    def __init__(self, cells, folder):
        self.cells = cells
        self.folder = folder
        self.colours = {"ws-server": OURS, "mailbox": OURS_TOO, "floor": FLOOR, **dict.fromkeys(LIMITS, LIMIT)}

    def colour(self, name):
        """The same peer has the same colour in every picture."""
        if name not in self.colours:
            others = len(self.colours) - 3 - len(LIMITS)
            self.colours[name] = OTHERS[others % len(OTHERS)]
        return self.colours[name]

    def of(self, pattern):
        """What the pattern's group matches, and the peers with a figure, of each cell that it fits."""
        for cell in self.cells:
            match = re.fullmatch(pattern, cell["name"])
            if match:
                yield match[1], [peer for peer in cell["peers"] if "figure" in peer]

    def save(self, figure, name):
        drawn = io.BytesIO()
        figure.savefig(drawn, dpi=90, bbox_inches="tight")
        plt.close(figure)
        # A quarter of the bytes, which stay in the history with every run that is committed.
        Image.open(drawn).convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(self.folder / name, optimize=True)
        print(f"written: {name}")

    def lines(self, name, parts, unit, value):
        """A part for each pattern: sizes from left to right, a line for each peer."""
        parts = [(title, list(self.of(pattern))) for title, pattern in parts]
        parts = [(title, cells) for title, cells in parts if cells]
        if not parts:
            print(f"{name}: this run has no such cells")
            return
        figure, all_axes = plt.subplots(1, len(parts), figsize=(4.7 * len(parts), 4.2), squeeze=False)
        for axes, (title, cells) in zip(all_axes[0], parts):
            points = {}
            for size, peers in cells:
                for peer in peers:
                    points.setdefault(peer["name"], []).append((SIZES[size], value(peer, SIZES[size])))
            for peer, line in points.items():
                mine = peer == "ws-server"
                axes.plot(
                    *zip(*line),
                    label=peer,
                    color=self.colour(peer),
                    linewidth=2.6 if mine else 1.3,
                    linestyle=":" if peer in LIMITS else "--" if peer == "floor" else "-",
                    marker="o",
                    markersize=4 if mine else 2.5,
                    zorder=3 if mine else 2,
                )
            axes.set(xscale="log", yscale="log", title=title, xlabel="size of a message")
            sizes = [size for size, _ in cells]
            axes.set_xticks([SIZES[size] for size in sizes], sizes, fontsize=8)
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.minorticks_off()
            axes.grid(alpha=0.3)
        all_axes[0][0].set_ylabel(unit)
        names = {}
        for axes in all_axes[0]:
            handles, labels = axes.get_legend_handles_labels()
            names.update(zip(labels, handles))
        figure.legend(names.values(), names.keys(), loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
        figure.tight_layout()
        self.save(figure, name)

    def bars(self, name, pattern, unit, marks=()):
        """A part for each cell: a bar for each peer, the best on top, with its figure; a mark for each further key."""
        cells = list(self.of(pattern))
        if not cells:
            print(f"{name}: this run has no such cells")
            return
        most = max(len(peers) for _, peers in cells)
        size = (4.7 * len(cells), 1 + 0.28 * most)
        figure, all_axes = plt.subplots(1, len(cells), figsize=size, squeeze=False)
        for axes, (title, peers) in zip(all_axes[0], cells):
            peers.sort(key=lambda peer: peer["figure"]["median"], reverse=True)
            for place, peer in enumerate(peers):
                median = peer["figure"]["median"]
                axes.barh(place, median, color=self.colour(peer["name"]))
                axes.text(max([median] + [peer[key] for key in marks]) * 1.15, place, f"{median:,.0f}", va="center", fontsize=7)
                for key, mark in zip(marks, "|x"):
                    axes.plot(peer[key], place, mark, color="black", label=key if place == 0 else None)
            axes.set_yticks(range(len(peers)), [peer["name"] for peer in peers], fontsize=8)
            axes.set(xscale="log", title=title.replace("/", ", "), xlabel=unit)
            low, high = axes.get_xlim()
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 50 * low else (1,)))
            axes.xaxis.set_major_formatter("{x:,.0f}")
            axes.tick_params(axis="x", labelsize=7)
            axes.minorticks_off()
            axes.margins(x=0.25)
            if marks:
                axes.legend(fontsize=8, loc="upper right")
        figure.tight_layout()
        self.save(figure, name)


def main(results, folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pictures = Pictures(json.loads(pathlib.Path(results).read_text(encoding="utf-8"))["cells"], folder)

    def median(peer, _):
        return peer["figure"]["median"]

    def gigabytes(peer, size):
        return size / peer["figure"]["median"]

    echo = [
        ("binary, 1 in flight", "echo/binary/([^/]+)/50c/d1"),
        ("binary, 16 in flight", "echo/binary/([^/]+)/50c/d16"),
        ("mixed-script text, 16 in flight", "echo/mixed/([^/]+)/50c/d16"),
    ]
    pictures.lines("echo.png", echo, "CPU µs per message, 50 connections (less is better)", median)
    codec = [
        ("binary", "codec/binary/([^/]+)"),
        ("ASCII text", "codec/ascii/([^/]+)"),
        ("mixed-script text", "codec/mixed/([^/]+)"),
    ]
    pictures.lines("codec.png", codec, "GB/s of payload (more is better)", gigabytes)
    pictures.bars("memory.png", "memory/([^/]+/(?:10000|1000)c)", "bytes per idle connection")
    pictures.bars("latency.png", "latency/(.+)", "p99, µs", ("p50", "p99.9"))


main(*sys.argv[1:])

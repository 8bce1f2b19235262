"""Writes a zip file that depends on nothing but its contents.

    zip.py OUT MODE NAME FILE [MODE NAME FILE]...    MODE is octal, as chmod takes it
"""

import sys
import zipfile

out, *rest = sys.argv[1:]
entries = sorted(zip(rest[1::3], rest[0::3], rest[2::3], strict=True))
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for name, mode, path in entries:
        # The earliest time that the format knows: the same contents give the same bytes at any time.
        info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        info.create_system = 3
        info.external_attr = (0o100000 | int(mode, 8)) << 16
        with open(path, "rb") as file:
            archive.writestr(info, file.read())

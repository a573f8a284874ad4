"""Compares the page of the file format with files: each file with the page, and the page with all files.

usage: format.py PAGE.md RESULTS.h5...
"""

import json
import sys

import h5py
import numpy as np

# What HDF5 and netCDF keep of dimensions.
INTERNAL = {"CLASS", "NAME", "REFERENCE_LIST", "DIMENSION_LIST", "_Netcdf4Dimid"}


def tables(page):
    """The rows of the tables of each section, with the names of the columns."""
    found, section, header = {}, None, None
    for line in page.splitlines():
        if line.startswith("## "):
            section, header = line[3:], None
        elif not line.startswith("|"):
            header = None
        elif header is None:
            header = [cell.strip() for cell in line.strip("|").split("|")]
        elif not line.startswith("|---"):
            line = line.replace("\\|", "\0")
            cells = [cell.strip().replace("\0", "|") for cell in line.strip().strip("|").split(" | ")]
            assert len(cells) == len(header), line
            found.setdefault(section, []).append(dict(zip(header, cells)))
    return found


def names(cell):
    return [name.strip().strip("`") for name in cell.split(",") if name.strip()]


def kind(dtype):
    return "text" if h5py.check_string_dtype(dtype) else str(dtype)


def dimensions(variable):
    if variable.is_scale:
        return [variable.name.split("/")[-1]]
    return [dimension[0].name.split("/")[-1] for dimension in variable.dims] if variable.shape else []


def check_variable(variable, row, axes):
    name = variable.name
    wanted = [d for part in names(row["dimensions"]) for d in (axes if part == "SWEEP" else [part])]
    assert dimensions(variable) == wanted, (name, dimensions(variable), wanted)
    assert kind(variable.dtype) in row["type"].split(" or "), (name, variable.dtype)
    assert variable.attrs["units"] == row["unit"], name
    assert variable.attrs["long_name"] == row["meaning"], (name, variable.attrs["long_name"], row["meaning"])
    own = set(variable.attrs) - INTERNAL - {"long_name", "units", "coordinates"}
    assert own == set(names(row["attributes"])), (name, own)


def check_file(path, variables, provenance, root, attributes):
    """What of the page is in this file."""
    with h5py.File(path) as file:
        assert list(file.attrs) == [row["attribute"].strip("`") for row in root], path
        for row in root:
            value = file.attrs[row["attribute"].strip("`")]
            found = "text" if isinstance(value, str) else ("2 x " if np.ndim(value) else "") + str(value.dtype)
            assert found == row["type"], (row, found)
        sweep = json.loads(file.attrs["sweep"])
        axes = [keys[0].replace(".", "_") for keys in sweep]
        swept = {key.replace(".", "_") for keys in sweep for key in keys}
        seen = set()
        for name, item in file.items():
            if name in swept:
                assert item.attrs["long_name"].startswith("swept key "), name
                assert kind(item.dtype) in ("float64", "int64", "text"), name
            elif name != "provenance":
                check_variable(item, variables[name], axes)
                seen.add(name)
        group = file["provenance"]
        for name, item in group.items():
            check_variable(item, provenance[name], axes)
            seen.add(f"provenance/{name}")
        assert set(group.attrs) <= set(attributes), path
        seen |= {f"provenance attribute {name}" for name in group.attrs}
        return seen


def main(page, *paths):
    with open(page, encoding="utf-8") as text:
        sections = tables(text.read())
    root = sections.pop("Attributes of the root group")
    provenance, attributes = {}, []
    for row in sections.pop("Provenance"):
        if "variable" in row:
            provenance[row["variable"].strip("`")] = row
        else:
            attributes.append(row["attribute"].strip("`"))
    variables = {row["variable"].strip("`"): row for rows in sections.values() for row in rows}
    assert len(variables) == sum(map(len, sections.values())), "a variable is there twice"
    seen = set()
    for path in paths:
        seen |= check_file(path, variables, provenance, root, attributes)
    all_of_page = {*variables, *(f"provenance/{name}" for name in provenance)}
    all_of_page |= {f"provenance attribute {name}" for name in attributes}
    assert seen == all_of_page, f"on the page and in no file: {sorted(all_of_page - seen)}"
    print(len(all_of_page), "in", len(paths), "files")


if __name__ == "__main__":
    main(*sys.argv[1:])

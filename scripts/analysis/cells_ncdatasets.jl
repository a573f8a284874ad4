# The cells of results, with NCDatasets. Not run in the tests: there is no Julia there.
#
# usage: julia cells_ncdatasets.jl RESULTS.h5
#
# Prints one line a cell. Julia shows the dimensions of a file in reverse order, the last one first, and lets the
# first one it shows run fastest: vec(x) has the order of the file all the same.
#
# With HDF5.jl in place of NCDatasets: h5read(path, "probability"), in the same order.
using NCDatasets, Printf

text(value) = value isa AbstractString ? value : @sprintf("%.6g", value)

NCDataset(ARGS[1]) do file
    probability = file["probability"]
    shown = collect(dimnames(probability))
    keys = reverse(shown)
    names = ["trial_count", "converged_count", "probability", "steps_median"]
    println(join([keys; names], ","))
    # A plain array, and 0-dimensional for a study without a sweep.
    columns = [vec(collect(Array(file[name].var))) for name in names]
    cells = Iterators.product((Array(file[axis].var) for axis in shown)...)
    for (i, at) in enumerate(cells)
        trials, converged, p, median = (column[i] for column in columns)
        numbers = [@sprintf("%d", trials), @sprintf("%d", converged), @sprintf("%.6f", p), @sprintf("%.6f", median)]
        println(join([text.(reverse(collect(at))); numbers], ","))
    end
end

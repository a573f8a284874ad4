#!/usr/bin/env Rscript
# The cells of results, with ncdf4 and ggplot2.
#
# usage: Rscript cells_ncdf4.R RESULTS.h5 [FIGURE]
#
# Prints one line a cell. With FIGURE (.png, .svg, .pdf) draws the probability of convergence over the first two
# axes. R shows the dimensions of a file in reverse order, the last one first; `as.vector` and `expand.grid` both
# let the first one they see run fastest, so that rows come in the order of the file all the same.
#
# With rhdf5 (Bioconductor) in place of ncdf4: h5read(path, "probability") has the same values in the same
# reversed order, h5readAttributes(path, "/")$sweep the swept keys, h5read(path, "init_std") those of an axis.
suppressPackageStartupMessages(library(ncdf4))

arguments <- commandArgs(trailingOnly = TRUE)
file <- nc_open(arguments[1])

# The axes as R has them: the last of the file first.
dimensions <- file$var$probability$dim
axes <- vapply(dimensions, function(dimension) dimension$name, "")
values <- lapply(dimensions, function(dimension) dimension$vals)
cells <- if (length(axes) > 0) expand.grid(setNames(values, axes), stringsAsFactors = FALSE) else data.frame(row.names = 1)
cells <- cells[rev(axes)]
for (name in c("trial_count", "converged_count", "probability", "steps_median")) {
  cells[[name]] <- as.vector(ncvar_get(file, name))
}
nc_close(file)

text <- function(x) if (is.character(x)) x else sprintf("%.6g", x)
number <- function(format, x) ifelse(is.nan(x), "NaN", sprintf(format, x))
columns <- c(
  lapply(cells[rev(axes)], text),
  list(number("%.0f", cells$trial_count), number("%.0f", cells$converged_count)),
  list(number("%.6f", cells$probability), number("%.6f", cells$steps_median))
)
writeLines(paste(names(cells), collapse = ","))
writeLines(do.call(paste, c(unname(columns), sep = ",")))

if (length(arguments) > 1 && length(axes) > 0) {
  suppressPackageStartupMessages(library(ggplot2))
  by <- rev(axes)
  steps <- function(x) factor(text(x), levels = unique(text(x)))
  plot <- ggplot(cells, aes(x = steps(.data[[by[1]]]), fill = probability)) +
    geom_tile(aes(y = if (length(by) > 1) steps(.data[[by[2]]]) else "")) +
    scale_fill_viridis_c(limits = c(0, 1)) +
    labs(x = by[1], y = if (length(by) > 1) by[2] else NULL) +
    theme_minimal()
  if (length(by) > 2) plot <- plot + facet_wrap(by[-(1:2)], labeller = label_both)
  ggsave(arguments[2], plot, width = 6, height = 4)
}

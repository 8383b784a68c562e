// Package report turns the result of an experiment into files for people and programs: metrics.json, a self-contained
// report.html with its plots, the same as report.pdf for paper, the plots as SVG and PNG files, and a table for the
// terminal. It computes nothing but intervals and sums, reads no clock and no network, and gives the same bytes for the same
// input.
package report

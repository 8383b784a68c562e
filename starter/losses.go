package main

// The losses that specs can name are registered by the package that computes them, of which the starter uses nothing else.
import _ "twinview/model"

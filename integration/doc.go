// Package integration tests the built programs against real servers: whole experiments, with workers killed and servers
// gone half-way, and all the input that must be refused.
package integration

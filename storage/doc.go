// Package storage keeps the artifacts of experiments in an S3 object store such as MinIO. Objects are immutable: a key is
// written once, every object carries the SHA-256 of its bytes, and every read is checked against it. A second writer of
// the same bytes succeeds, so work that is done twice does no harm; a writer of other bytes is refused.
//
// Only plain S3 is used: conditional PUT, GET, HEAD, ListObjectsV2 and DELETE.
package storage

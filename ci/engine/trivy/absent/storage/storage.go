// Package storage stands in for Google's client, which contains gRPC. Only downloads of `gcs::` addresses call it.
package storage

import (
	"context"
	"errors"
	"io"
)

var errAbsent = errors.New("this build of Trivy has no client of Google Cloud Storage")

type (
	Client         struct{}
	BucketHandle   struct{}
	ObjectHandle   struct{}
	ObjectIterator struct{}
	Query          struct{ Prefix string }
	ObjectAttrs    struct{ Name string }
	Reader         struct{ io.ReadCloser }
)

func NewClient[Option any](context.Context, ...Option) (*Client, error) { return nil, errAbsent }

func (*Client) Bucket(string) *BucketHandle { return nil }

func (*BucketHandle) Objects(context.Context, *Query) *ObjectIterator { return nil }

func (*BucketHandle) Object(string) *ObjectHandle { return nil }

func (*ObjectIterator) Next() (*ObjectAttrs, error) { return nil, errAbsent }

func (*ObjectHandle) Generation(int64) *ObjectHandle { return nil }

func (*ObjectHandle) NewReader(context.Context) (*Reader, error) { return nil, errAbsent }

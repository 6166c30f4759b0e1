// Package redis stands in for the client of Redis, one of the slowest packages to compile. Only `--cache-backend redis://…` calls it.
package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"time"
)

var (
	Nil       = errors.New("redis: nil")
	errAbsent = errors.New("this build of Trivy has no client of Redis")
)

type (
	Client  struct{}
	Options struct{ TLSConfig *tls.Config }
	Cmd     struct{}
)

func ParseURL(string) (*Options, error) { return nil, errAbsent }

func NewClient(*Options) *Client { return &Client{} }

func (*Client) Set(context.Context, string, any, time.Duration) Cmd { return Cmd{} }

func (*Client) Get(context.Context, string) Cmd { return Cmd{} }

func (*Client) Del(context.Context, ...string) Cmd { return Cmd{} }

func (*Client) Unlink(context.Context, ...string) Cmd { return Cmd{} }

func (*Client) Scan(context.Context, uint64, string, int64) Cmd { return Cmd{} }

func (*Client) Close() error { return nil }

func (Cmd) Err() error { return errAbsent }

func (Cmd) Bytes() ([]byte, error) { return nil, errAbsent }

func (Cmd) Result() ([]string, uint64, error) { return nil, 0, errAbsent }

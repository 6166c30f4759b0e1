// Package content stands in for reading from containerd. No call reaches it, because client.New fails before.
package content

import (
	"context"
	"errors"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func ReadBlob(context.Context, any, ocispec.Descriptor) ([]byte, error) {
	return nil, errors.New("this build of Trivy has no client of containerd")
}

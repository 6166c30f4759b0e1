# shellcheck shell=bash
# The images: base systems of Debian packages, then the stand-ins made of them and of the programs built before.

base_systems() {
    step base-systems "$(key "$(machine)" "$HERE/images/rootfs")" "1 min" "making the base systems of the images" "$HERE/images/rootfs"
}

images() {
    step images "$(key "$(machine)" "$STATE"/keys/{base-systems,standard-library,programs} "$HERE"/{images,sdk-python} "$REGISTRY")" \
        "30 s" "making the images" "$HERE/images/build" all-but-trivy
}

# scanner_image : apart, so that nothing else waits for Trivy.
scanner_image() {
    step scanner-image "$(key "$STATE"/keys/{images,trivy})" "15 s" "making the image of Trivy" "$HERE/images/build" trivy
}

# shellcheck shell=bash
# The images: base systems of Debian packages, then the stand-ins made of them and of the programs built before.

base_systems() {
    step base-systems "$(key "$(machine)" "$HERE/images/rootfs")" "1 min" "making the base systems of the images" "$HERE/images/rootfs"
}

images() {
    step images "$(key "$(machine)" "$STATE"/keys/{base-systems,registry,crane,dagger,trivy} "$HERE"/{images,sdk-python} "$REGISTRY")" \
        "30 s" "making the images" "$HERE/images/build"
}

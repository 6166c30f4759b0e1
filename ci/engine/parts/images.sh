# shellcheck shell=bash
# The images: base systems of Debian packages, and the stand-in images that combine them with the programs.

build_base_systems() {
    step base-systems "$(key "$(machine_key)" "$HERE/images/rootfs")" "1 min" "building the base systems of the images" \
        "$HERE/images/rootfs"
}

build_images() {
    step images "$(key "$(machine_key)" "$STATE"/keys/{base-systems,standard-library,programs} "$HERE"/{images,sdk-python} "$REGISTRY")" \
        "30 s" "building the images" unshare --net "$HERE/images/build" all-but-trivy
}

# build_trivy_image : a step of its own, so that the other images and the engine do not wait for Trivy.
build_trivy_image() {
    step scanner-image "$(key "$STATE"/keys/{images,trivy})" "15 s" "building the image of Trivy" unshare --net "$HERE/images/build" trivy
}

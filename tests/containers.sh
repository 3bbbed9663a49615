#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# containers.sh [--keep]: builds the images of docker/ on a Debian made by debootstrap, and plays an
# installation of several containers with them, beside stand-ins for AWS and a PostgreSQL.
#
# No Docker is needed and no registry: buildah builds, podman runs.  What takes long to fetch stays in
# build/containers; the images go at the end, unless --keep is said.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

SUITE=bookworm
MIRROR=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
HOME_OF_IMAGES=localhost/orchestrator-test
place=$PWD/build/containers
storage=(--root "$place/storage" --runroot "$place/run" --storage-driver vfs)
podman=(podman "${storage[@]}" --tmpdir "$place/tmp" --runtime runc --cgroup-manager cgroupfs)
keep=false

case ${1-} in
'') ;;
--keep) keep=true ;;
*)
	echo "containers.sh: '$1' is not understood; --keep leaves the images where they are" >&2
	exit 2
	;;
esac

if [ "$(id -u)" -ne 0 ]; then
	exec sudo --preserve-env=PATH,DEBIAN_MIRROR,http_proxy,https_proxy,no_proxy "$0" "$@"
fi

say() {
	printf -- '-- %s (%d s)\n' "$*" "$SECONDS"
}

# quietly NAME COMMAND...: its words are shown if it fails.
quietly() {
	local log=$place/$1.log
	shift
	"$@" >"$log" 2>&1 || {
		tail -n 60 "$log" >&2
		echo "containers.sh: failed; all of it is in $log" >&2
		exit 1
	}
}

clean_up() {
	$keep || {
		"${podman[@]}" rm --all --force --volumes --time 5 >/dev/null 2>&1 || true
		rm -rf "$place/storage" "$place/run" "$place/tmp"
	}
	rm -rf "$place/root"
	chown -R --reference=build "$place"/{archives,base.tar,*.log} 2>/dev/null || true
}

make_base() {
	[ ! -f "$place/base.tar" ] || return 0
	say "Debian $SUITE from $MIRROR"
	rm -rf "$place/root"
	quietly debootstrap debootstrap --variant=minbase "$SUITE" "$place/root" "$MIRROR"
	printf 'deb %s %s main\n' "$MIRROR" "$SUITE" "${MIRROR%/debian}/debian-security" "$SUITE-security" \
		>"$place/root/etc/apt/sources.list"
	rm -rf "$place/root/var/cache/apt/archives"/*.deb "$place/root/var/lib/apt/lists"/*
	tar -C "$place/root" --numeric-owner -cf "$place/base.tar.new" .
	mv "$place/base.tar.new" "$place/base.tar"
}

# bud TAG ARGUMENT...
bud() {
	local name=$1
	shift
	say "image $name"
	quietly "$name" nice buildah "${storage[@]}" bud --isolation chroot --format docker \
		--file docker/Dockerfile --ignorefile docker/Dockerfile.dockerignore \
		--volume "$place/archives:/var/cache/apt/archives" --build-arg "BASE=$HOME_OF_IMAGES/base" \
		--build-arg "REVISION=$revision" --build-arg "SOURCE_DATE_EPOCH=$epoch" \
		--tag "$HOME_OF_IMAGES/$name" "$@" .
}

make_images() {
	revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
	epoch=$(git log -1 --format=%ct 2>/dev/null || echo 0)
	quietly import "${podman[@]}" import "$place/base.tar" "$HOME_OF_IMAGES/base"
	bud build --target build
	# The last stages take from what is there instead of building it again.
	for target in sim orchestrator; do
		bud $target --target $target --build-context "build=container-image://$HOME_OF_IMAGES/build"
	done
}

play() {
	local test status=0
	for test in image whole; do
		say "test $test"
		IMAGES=$HOME_OF_IMAGES PODMAN="${podman[*]}" python3 tests/cloud/packages.py --build build \
			"tests/containers/${test}_test.py" || status=1
	done
	return $status
}

mkdir -p "$place/archives" "$place/tmp"
trap clean_up EXIT
make_base
make_images
play
say "containers: everything passed"

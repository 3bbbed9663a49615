#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# secrets.sh FOLDER GROUP: draws what compose.yml's services share in confidence, and what is there it
# leaves as it is.  Each secret is a file of its own that GROUP may read and nobody else.
set -eu
umask 077
folder=$1 group=$2

# draw NAME BYTES
draw() {
	[ ! -e "$folder/$1" ] || return 0
	od -An -v -tx1 -N "$2" /dev/urandom | tr -d ' \n' >"$folder/.$1"
	chgrp "$group" "$folder/.$1"
	chmod 0440 "$folder/.$1"
	mv "$folder/.$1" "$folder/$1"
	echo "drawn: $1"
}

for name in aws-secret pg-password slack-signing slack-bot slack-admin; do
	draw "$name" 24
done
draw store-key 32
chgrp "$group" "$folder"
chmod 0750 "$folder"

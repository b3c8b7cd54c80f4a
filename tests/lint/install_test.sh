#!/usr/bin/env bash
# make install: what a developer gets compiles and runs, with clang and blocks and with gcc, with and
# without DESTDIR. Usage: install_test.sh SOURCE-DIRECTORY BUILD-DIRECTORY
set -euo pipefail
source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/usr" >/dev/null
DESTDIR=$work/stage cmake --install "$build" --prefix /opt/braid >/dev/null
(cd "$work/usr" && find . -type f | sort) >"$work/a"
(cd "$work/stage/opt/braid" && find . -type f | sort) >"$work/b"
cmp "$work/a" "$work/b" || { echo "DESTDIR installs other files"; exit 1; }
[ "$(find "$work/stage" -maxdepth 1 -mindepth 1)" = "$work/stage/opt" ] || { echo "files outside the prefix"; exit 1; }

pc=$(dirname "$(find "$work/usr" -name braid.pc)")
libs=$(dirname "$(find "$work/usr" -name libNetwork.so.0)")
export PKG_CONFIG_PATH=$pc
read -ra flags <<<"$(pkg-config --cflags --libs braid)"
gcc "$source/examples/c/hello_client_f.c" -D_GNU_SOURCE "${flags[@]}" -o "$work/hello_f"
clang -fblocks "$source/examples/c/hello_client.c" "${flags[@]}" -o "$work/hello"
clang -fblocks "$source/examples/c/hello_tls.c" "${flags[@]}" -o "$work/hello_tls"
clang -fblocks "$source/examples/c/netcat.c" "${flags[@]}" -o "$work/netcat"
for program in hello_f hello hello_tls netcat; do
    # port 1 of loopback: nobody listens. The program says so and fails; a loader error would say something else
    if LD_LIBRARY_PATH=$libs timeout 20 "$work/$program" 127.0.0.1 1 >"$work/out" 2>&1; then
        echo "$program: success against a closed port"
        exit 1
    fi
    grep -qi "refused" "$work/out" || { echo "$program: $(cat "$work/out")"; exit 1; }
done
version=$(LD_LIBRARY_PATH=$libs "$work/usr/bin/braid" --version)
[ "$version" = "braid $(pkg-config --modversion braid)" ] || { echo "versions differ: $version"; exit 1; }
for page in braid braid-check braid-cat braid-lab braid-status braid-paths braid-set braid-run braid-enable braid-monitor; do
    [ -s "$work/usr/share/man/man1/$page.1" ] || { echo "no man page $page"; exit 1; }
done
for file in share/man/man8/braidd.8 share/man/man5/braidd.conf.5 share/doc/braid/braidd.conf lib/sysusers.d/braid.conf; do
    [ -s "$work/usr/$file" ] || { echo "no $file"; exit 1; }
done
grep -qx "ExecStart=$work/usr/sbin/braidd" "$work/usr/lib/systemd/system/braidd.service" || { echo "braidd.service"; exit 1; }
grep -qx "ExecStart=/opt/braid/sbin/braidd" "$work/stage/opt/braid/lib/systemd/system/braidd.service" || { echo "braidd.service with DESTDIR"; exit 1; }
# what is installed finds its library, wherever the prefix is; nobody listens at port 1
for at in "$work/usr" "$work/stage/opt/braid"; do
    library=$(LD_LIBRARY_PATH=$libs "$at/bin/braid" run env | sed -n 's/^LD_PRELOAD=//p')
    [[ $library == "$at"/*/braid/libbraidrun.so && -e $library ]] || { echo "braid run: library $library"; exit 1; }
done
echo "installed: $(wc -l <"$work/a") files"

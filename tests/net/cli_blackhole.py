#!/usr/bin/env python3
"""`braid check` where the kernel has stopped asking for MPTCP (net.mptcp.blackhole_timeout).

In a namespace of its own, a TUN device stands for a network whose firewall drops every SYN with an
MPTCP option and lets plain ones through. After one connection over it the kernel suspends MPTCP for
the whole namespace; check has to see that, and that the reset it recommends helps.
Usage: cli_blackhole.py BRAID. 77: this machine cannot, and why.
"""
import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import threading

IPPROTO_MPTCP = 262
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SYSCTL = "/proc/sys/net/mptcp/"


def skip(why):
    print("skipped:", why)
    sys.exit(1 if os.environ.get("BRAID_REQUIRE_ALL") else 77)


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def enter_namespace():
    uid, gid = os.getuid(), os.getgid()
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
        skip("no user namespaces: " + os.strerror(ctypes.get_errno()))
    try:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", "0 %d 1" % uid)
        write("/proc/self/gid_map", "0 %d 1" % gid)
    except OSError as e:
        skip("no user namespaces: %s" % e)


def open_tun():
    try:
        fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", b"tun0", IFF_TUN | IFF_NO_PI))
    except OSError as e:
        skip("no TUN device: %s" % e)
    for command in ("link set lo up", "link set tun0 up", "addr add 10.9.0.1/24 dev tun0"):
        subprocess.check_call(["ip"] + command.split())
    return fd


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def has_mptcp(options):
    i = 0
    while i < len(options) and options[i] != 0:
        if options[i] == 30:
            return True
        i += 1 if options[i] == 1 else options[i + 1]
    return False


def answer_plain_syns(tun):
    while True:
        packet = os.read(tun, 2000)
        if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
            continue
        tcp = packet[(packet[0] & 15) * 4:]
        if tcp[13] & 0x12 != 2 or has_mptcp(tcp[20:(tcp[12] >> 4) * 4]):
            continue
        ack = (struct.unpack("!I", tcp[4:8])[0] + 1) & 0xFFFFFFFF
        head = tcp[2:4] + tcp[0:2] + struct.pack("!IIBBHHH", 1000, ack, 0x50, 0x12, 65535, 0, 0)
        pseudo = packet[16:20] + packet[12:16] + struct.pack("!BBH", 0, 6, len(head))
        head = head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, 6, 0) + packet[16:20] + packet[12:16]
        os.write(tun, ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + head)


def check(braid):
    run = subprocess.run([braid, "check", "--json"], stdout=subprocess.PIPE, timeout=30)
    answer = json.loads(run.stdout)
    rows = {row["id"]: row for row in answer["checks"]}
    return run.returncode, answer, rows.get("kernel.blackhole")


def expect(condition, what):
    if not condition:
        print("FAIL:", what)
        sys.exit(1)


def main():
    braid = os.path.abspath(sys.argv[1])
    enter_namespace()
    if not os.path.exists(SYSCTL + "blackhole_timeout"):
        skip("this kernel has no blackhole detection")
    tun = open_tun()
    if os.path.exists(SYSCTL + "syn_retrans_before_tcp_fallback"):
        write(SYSCTL + "syn_retrans_before_tcp_fallback", "1")
    code, answer, row = check(braid)
    expect(code == 0 and row["verdict"] == "ok", "not healthy at first: %s" % row)

    threading.Thread(target=answer_plain_syns, args=(tun,), daemon=True).start()
    try:
        client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    except OSError as e:
        skip("no MPTCP sockets: %s" % e)
    client.settimeout(30)
    client.connect(("10.9.0.2", 80))

    code, answer, row = check(braid)
    expect(code == 1, "exit code %d while MPTCP is suspended" % code)
    expect(answer["loopback"] == "suspended", "loopback: %s" % answer["loopback"])
    expect(answer["summary"]["mptcp"] is False, "the summary says that it works")
    expect(row["verdict"] == "bad" and "blackhole_timeout=0" in row["fix"], "row: %s" % row)

    for assignment in row["fix"].split("   ")[0].replace("sudo sysctl -w ", "").split(" && "):
        name, value = assignment.split("=")
        write("/proc/sys/" + name.replace(".", "/"), value)
    code, answer, row = check(braid)
    expect(code == 0 and answer["loopback"] == "multipath", "the fix does not help: %s" % row)
    expect(row["verdict"] == "note", "row after the fix: %s" % row)
    print("suspension seen, and its fix works")


main()

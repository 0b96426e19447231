#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Sends a datagram to a VTEP, wrapped up as another VTEP would, with an ordinary UDP socket.

usage: forge.py VTEP MAC VNI FROM TO PORT WORD
       VTEP is the address that it is sent to, MAC that of the VTEP's interface; inside, WORD goes
       by UDP from FROM to port PORT of TO (IPv4).
"""
import socket
import struct
import sys

vtep, mac, vni, source, target, port, word = sys.argv[1:]


def checksum(data):
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


data = word.encode()
udp = struct.pack('!HHHH', 9, int(port), 8 + len(data), 0) + data
ip = bytearray(struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
                           socket.inet_aton(source), socket.inet_aton(target)))
struct.pack_into('!H', ip, 10, checksum(bytes(ip)))
frame = bytes.fromhex(mac.replace(':', '')) + bytes.fromhex('02000000000f0800') + bytes(ip) + udp
header = struct.pack('!II', 0x08000000, int(vni) << 8)
s = socket.socket(socket.AF_INET6 if ':' in vtep else socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(header + frame, (vtep, 4789))

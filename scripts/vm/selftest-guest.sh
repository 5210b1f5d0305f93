#!/bin/bash
# The part of selftest.sh that runs inside the machine.
# shellcheck disable=SC2317 # `check` calls these functions by name
set -uo pipefail
time=${CONCLAVE_VM_TIME:-real}
any_failed=0
cd /tmp || exit

# check NAME COMMAND...; the command runs in this shell, for it may talk to the camera.
check() {
    local name=$1
    shift
    if "$@" >output 2>&1; then
        echo "ok      $name"
    else
        any_failed=1
        echo "FAILED  $name"
        tail -n 8 output | sed 's/^/        /'
    fi
}

# await SECONDS COMMAND...: until it succeeds.
await() {
    local tries=$(($1 * 20))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $((tries -= 1)) -gt 0 ] || {
            echo "in vain: $*"
            return 1
        }
        sleep 0.05
    done
}

camera_node() {
    local folder
    for folder in /sys/class/video4linux/video*; do
        if [ "$(cat "$folder/index")" = 0 ] && grep -q '^Self Test' "$folder/name" && [ -e "/dev/${folder##*/}" ]; then
            echo "/dev/${folder##*/}"
            return
        fi
    done
    return 1
}

tell() { echo "$*" >&"${CAMERA[1]}"; }
# hear LINE: reads what the camera prints up to this line.
hear() {
    local line
    while read -r -t 10 line <&"${CAMERA[0]}"; do
        [ "$line" != "$1" ] || return 0
    done
    echo "the camera did not say: $1"
    return 1
}

# stream FORMAT WIDTH HEIGHT COUNT [OPTION]...
stream() {
    local format=$1 width=$2 height=$3 count=$4
    shift 4
    timeout 60 v4l2-ctl -d "$node" --set-fmt-video="width=$width,height=$height,pixelformat=$format" -p 30 \
        --stream-mmap=4 --stream-count="$count" --verbose "$@"
}
captured() { grep -c 'cap dqbuf' output; }

drivers_are_there() {
    local node
    for node in /dev/video0 /dev/video20 /dev/dri/card0 /dev/uinput /dev/snd/pcmC0D0p /sys/devices/platform/vhci_hcd.0; do
        [ -e "$node" ] || {
            echo "no $node"
            return 1
        }
    done
    v4l2-ctl -d /dev/video0 -D | grep -q vivid
}

network_works() {
    python3 - <<'PYTHON'
import socket
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    a, b = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
    a.bind((address, 0)); b.settimeout(5); a.settimeout(5)
    b.sendto(b"x" * 1400, a.getsockname())
    assert len(a.recv(2000)) == 1400
packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
packets.bind(("lo", 0)); packets.settimeout(5)
b.sendto(b"seen", a.getsockname())
while b"seen" not in packets.recv(2000): pass
PYTHON
}

delay_and_loss_work() {
    tc qdisc add dev lo root netem delay 40ms loss 30% || return 1
    python3 - <<'PYTHON'
import socket, time
a, b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
a.bind(("127.0.0.1", 0)); a.settimeout(1)
received = 0
for _ in range(100):
    b.sendto(bytes(8), a.getsockname())
start = time.monotonic()
try:
    while True:
        a.recv(100); received += 1
        if received == 1: first = time.monotonic() - start
except TimeoutError: pass
print(received, first)
assert 0 < received < 100 and first > 0.03
PYTHON
    local code=$?
    tc qdisc del dev lo root
    return "$code"
}

sound_loops_back() {
    head -c 128000 /dev/urandom >played.raw
    local format=(-q -t raw -f S16_LE -r 16000 -c 1)
    aplay "${format[@]}" -D hw:Loopback,0 played.raw &
    arecord "${format[@]}" -D hw:Loopback,1 -d 2 recorded.raw || return 1
    wait $!
    python3 -c 'import sys; p, r = (open(f, "rb").read() for f in sys.argv[1:]); sys.exit(r[-16000:] not in p)' played.raw recorded.raw
}

touches_arrive() {
    coproc TOUCH { touch-screen 1024 768; }
    read -r -t 10 <&"${TOUCH[0]}" || return 1
    await 5 test -e /dev/input/event0 || return 1
    timeout 10 head -c 24 /dev/input/event0 >event &
    local reader=$!
    # The reader has to be ready first; tapping again does no harm.
    until ! kill -0 "$reader" 2>/dev/null; do
        echo "tap 512 384" >&"${TOUCH[1]}"
        read -r -t 10 <&"${TOUCH[0]}" || break
    done
    kill "$TOUCH_PID" && wait "$TOUCH_PID" 2>/dev/null
    [ "$(stat -c %s event)" = 24 ]
}

screen_can_be_read() {
    local connector
    connector=$(modetest -M vkms -c 2>/dev/null | awk '$3 == "connected" { print $1; exit }')
    coproc SCREEN { exec stdbuf -oL modetest -M vkms -s "$connector:1024x768@XR24"; }
    local screen=$SCREEN_PID
    read -r -t 10 <&"${SCREEN[0]}" && await 10 shows_a_picture
    local code=$?
    kill "$screen" && wait "$screen" 2>/dev/null
    return "$code"
}
# The header is 16 bytes; a black picture is one byte over and over.
shows_a_picture() {
    kms-shot /dev/dri/card0 shot.ppm && [ "$(tail -c +17 shot.ppm | head -c 30000 | od -An -v -tx1 -w1 | sort -u | wc -l)" -gt 1 ]
}

offers_its_modes() {
    v4l2-ctl -d "$node" --list-formats-ext | tr -d '\t\n' >modes
    grep -q "MJPG.*1280x720.*30.000.*15.000.*640x480.*30.000.*YUYV.*320x240" modes || {
        cat modes
        return 1
    }
}

streams_720p() {
    stream MJPG 1280 720 300 && hear "streaming MJPG 1280x720@30" && hear stopped && [ "$(captured)" = 300 ]
}

keeps_its_rate() {
    # Between the first and the last time stamp there are as many intervals as the numbers of the frames say.
    sed -n 's/.*seq: *\([0-9]*\) .* ts: \([0-9.]*\).*/\1 \2/p' 720p | awk -v virtual="$([ "$time" = virtual ] && echo 1)" '
        NR == 1 { n0 = $1; t0 = $2 } { n = $1; t = $2 }
        END { fps = (n - n0) / (t - t0); printf "%.2f fps, %d of %d frames\n", fps, NR, n - n0 + 1
              exit !(virtual ? fps > 29.99 && fps < 30.01 && NR == 300 : fps > 29 && fps < 31) }'
}

negotiates() {
    stream MJPG 640 480 10 && hear "streaming MJPG 640x480@30" && stream YUYV 320 240 10 && hear "streaming YUYV 320x240@30" && hear stopped
}

# received_as_logged FATE COUNT: the frames in `stream` are those of the camera's log since `mark`, in order, COUNT of
# them with this FATE.
received_as_logged() {
    python3 - "$1" "$2" "$mark" <<'PYTHON'
import sys
fate, count, mark = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
log = [line.split() for line in open("log")][mark:]
data, at, matched = open("stream", "rb").read(), 0, []
def fnv(b):
    h = 0xcbf29ce484222325
    for byte in b: h = (h ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return "%016x" % h
for index, length, checksum, what in log:
    length = int(length)
    if at + length <= len(data) and fnv(data[at:at + length]) == checksum:
        at += length; matched.append(what)
print(matched, at, len(data))
assert at == len(data) and matched.count(fate) >= count
PYTHON
}

bytes_are_those_sent() {
    mark=$(wc -l <log)
    stream MJPG 640 480 12 --stream-to=stream && hear stopped && received_as_logged whole 12
}

torn_frames_arrive_torn() {
    mark=$(wc -l <log)
    tell bad 3
    stream MJPG 640 480 12 --stream-to=stream && hear stopped && received_as_logged torn 3 || return 1
    tell bad 0
}

stalls_and_goes_on() {
    stream MJPG 640 480 100000 --stream-poll >frames 2>&1 &
    local streaming=$!
    hear "streaming MJPG 640x480@30" && await 5 grep -q dqbuf frames || return 1
    tell stall
    # With --stream-poll, v4l2-ctl gives up after two seconds without a frame.
    wait "$streaming"
    grep -q timeout frames || return 1
    tell go
    hear stopped && stream MJPG 640 480 10 && hear stopped
}

unplug_and_plug() {
    stream MJPG 640 480 100000 --stream-poll >frames 2>&1 &
    local streaming=$!
    hear "streaming MJPG 640x480@30" && await 5 grep -q dqbuf frames || return 1
    tell unplug
    hear unplugged
    wait "$streaming"
    await 5 test ! -e "$node" || return 1
    tell plug
    hear plugged && await 5 camera_node || return 1
    node=$(camera_node)
    stream MJPG 1280 720 10 && hear "streaming MJPG 1280x720@30"
}

check "the drivers are there" drivers_are_there
check "UDP over IPv4 and IPv6, and capture of packets" network_works
check "tc delays and loses packets" delay_and_loss_work
check "what aplay plays, arecord hears" sound_loops_back
check "a tap reaches the event device" touches_arrive
check "what is on the screen can be read back" screen_can_be_read

coproc CAMERA { exec "$CONCLAVE_CAMERA" --name "Self Test" --mjpeg 1280x720@30,15 --frame-kib 20 --mjpeg 640x480@30 --yuyv 320x240@30 --log log; }
check "the virtual camera appears" eval 'hear plugged && await 10 camera_node'
node=$(camera_node)
check "its modes are those it was given" offers_its_modes
check "300 frames MJPG 1280x720 of 120 KiB" streams_720p
cp output 720p
check "they come at 30 frames a second" keeps_its_rate
[ ! -s output ] || sed 's/^/        /' output
check "other sizes and formats are agreed on" negotiates
check "each received byte is the one sent" bytes_are_those_sent
check "torn frames arrive torn" torn_frames_arrive_torn
check "a stalled camera goes on" stalls_and_goes_on
check "an unplugged camera is gone, and comes back" unplug_and_plug
tell quit
exit $any_failed

"""A camera on a loopback port, served by GStreamer. Run by the system's Python (python3-gi):

/usr/bin/python3 rtsp_camera.py PORT [--codec h264|h265] [--profile …] [--bframes N] [--audio pcma|aac|opus|none]
    [--user NAME:PASSWORD] [--key-every PICTURES] [--udp-only]
"""

import argparse

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

SOUND = {
    "pcma": "audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8",
    "aac": "audio/x-raw,rate=44100,channels=1 ! voaacenc ! aacparse ! rtpmp4apay name=pay1 pt=97",
    "opus": "audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay name=pay1 pt=97",
}


def pipeline(options: argparse.Namespace) -> str:
    """The launch line of the stream under /cam. Parameter sets only in the SDP, as many cameras do it."""
    picture = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1"
    if options.codec == "h265":
        coded = "x265enc speed-preset=ultrafast tune=zerolatency key-int-max=25 ! rtph265pay name=pay0 pt=96"
    else:
        hurry = "tune=zerolatency" if options.bframes == 0 else ""
        coded = (
            f"x264enc speed-preset=ultrafast bitrate=400 key-int-max={options.key_every} b-adapt=false"
            f" bframes={options.bframes} cabac={options.profile != 'baseline'} dct8x8={options.profile == 'high'}"
            f" {hurry} ! video/x-h264,profile={options.profile}"
            " ! rtph264pay name=pay0 pt=96 config-interval=0"
        )
    sound = (
        f"audiotestsrc is-live=true volume=0.1 ! {SOUND[options.audio]}" if options.audio != "none" else ""
    )
    return f"( {picture} ! {coded} {sound} )"


def guard(server: GstRtspServer.RTSPServer, factory: GstRtspServer.RTSPMediaFactory, user: str) -> None:
    """Basic and digest sign-in for everything."""
    name, _, password = user.partition(":")
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", name)
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(name, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role(name, "media.factory.access", True)
    permissions.add_permission_for_role(name, "media.factory.construct", True)
    factory.set_permissions(permissions)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port")
    parser.add_argument("--codec", default="h264")
    parser.add_argument("--profile", default="baseline")
    parser.add_argument("--bframes", type=int, default=0)
    parser.add_argument("--audio", default="pcma", choices=[*SOUND, "none"])
    parser.add_argument("--user", default="")
    parser.add_argument("--key-every", type=int, default=25)
    parser.add_argument("--udp-only", action="store_true")
    options = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(options.port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(pipeline(options))
    factory.set_shared(True)
    if options.udp_only:
        factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
    if options.user:
        guard(server, factory, options.user)
    server.get_mount_points().add_factory("/cam", factory)
    server.attach(None)
    print(f"listening {server.get_bound_port()}", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()

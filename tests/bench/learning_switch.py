# tests/bench/learning_switch.py - os-ken as a controller that answers every PACKET_IN by a PACKET_OUT: a learning switch
# that makes no flows, for osken-manager.
from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import MAIN_DISPATCHER, set_ev_cls
from os_ken.lib.packet import ethernet, packet
from os_ken.ofproto import ofproto_v1_0


class LearningSwitch(app_manager.OSKenApp):
    OFP_VERSIONS = [ofproto_v1_0.OFP_VERSION]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.port_of = {}

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def packet_in(self, event):
        message = event.msg
        switch, make = message.datapath, message.datapath.ofproto_parser
        frame = packet.Packet(message.data).get_protocol(ethernet.ethernet)
        self.port_of[switch.id, frame.src] = message.in_port
        out = self.port_of.get((switch.id, frame.dst), switch.ofproto.OFPP_FLOOD)
        switch.send_msg(make.OFPPacketOut(datapath=switch, buffer_id=message.buffer_id, in_port=message.in_port,
                                          actions=[make.OFPActionOutput(out)], data=message.data))

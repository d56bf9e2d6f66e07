# Two stacks with folders and ports of their own, each with a lab, on one machine.
from harness import BIN, HOSTS, OF_PORT, SLOT, VNS_PORT, Lab, run, wait_for


def test_two_stacks_side_by_side(lab, make_own_stack):
    other = Lab(of_port=OF_PORT + 3, switch='ct%db' % SLOT)
    try:
        other.up()
        one, two = make_own_stack().start(), make_own_stack(of_port=OF_PORT + 3, vns_port=VNS_PORT + 1).start()
        for net in (lab, other):
            wait_for(net.flows, 10, 'reply to a ping')
            for address in HOSTS.values():
                got, text = net.ping('client', address, count=3)
                assert got == 3, text
        one.kill()
        got, text = other.ping('client', HOSTS['server2'], count=10)
        assert got == 10, text
        assert lab.ping('client', HOSTS['server2'], wait=0.3)[0] == 0
        one.start()
        wait_for(lab.flows, 5, 'reply to a ping after the first stack was killed and started')
        assert two.all_alive() and one.all_alive()
    finally:
        other.close()


def test_a_second_process_of_a_role_is_refused_by_name(make_own_stack):
    stack = make_own_stack().start()
    for name in stack.PROCESSES:
        wait_for(lambda n=name: second(stack, n).returncode != 0, 5, 'refusal of a second ' + name)
        said = second(stack, name).stdout
        assert str(stack.pid(name)) in said and stack.run_dir in said, said
    stack.end()


def second(stack, name):
    free = {'ofproxy': ['--listen', 'tcp:%d:127.0.0.1' % (OF_PORT + 5)], 'vnsbridge': ['--listen', 'none'],
            'router': []}[name]
    return run('timeout', 3, BIN + '/' + name, '--run-dir', stack.run_dir, *free, check=False)

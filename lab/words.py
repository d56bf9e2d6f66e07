# lab/words.py - a line of the restricted console, cut into words as a shell would, and no more of a shell than that.
from allowed import MODE, Refused

LONGEST = 4096
INSTEAD = "no shell is behind this prompt, the operator has chosen the restricted console (%s)" % MODE
OF_A_SHELL = {
    '|': 'no pipes: ', '<': 'no files: ', '>': 'no files, what a command says goes to this terminal: ',
    ';': 'one command a line: ', '$': 'nothing is put in the place of a $: ', '`': 'nothing is put in the place of a `: ',
    '&': "one command at a time; another runs in a session of its own (in a word, put '&' into quotes): ",
    '\\': 'no backslashes; quotes keep a word together: ',
}
# What Mininet's prompt has, and this has not.
NOT_HERE = {
    **dict.fromkeys(('sh', '!', 'bash', 'exec'), 'no shell here'),
    **dict.fromkeys(('xterm', 'gterm', 'x'), 'no windows here, open another session'),
    **dict.fromkeys(('py', 'px'), 'no Python here'),
    **dict.fromkeys(('source', 'noecho', 'time', 'wait'), "no scripts here"),
    **dict.fromkeys(('dpctl', 'switch', 'iperfudp', 'pingpair', 'pingallfull', 'pingpairfull'), 'not in this console'),
}


def cut(line):
    """The words of a line; quotes of either kind keep blanks and are taken off."""
    if len(line) > LONGEST:
        raise Refused('a line of %d characters is refused: at most %d' % (len(line), LONGEST))
    words, word, quote = [], None, None
    for c in line:
        if not c.isprintable() and c != '\t':
            raise Refused('a line with the control character %r is refused: type it without' % c)
        if quote:
            quote, word = (None, word) if c == quote else (quote, word + c)
        elif c in '\'"':
            quote, word = c, word or ''
        elif c in ' \t':
            words, word = words if word is None else words + [word], None
        elif c in OF_A_SHELL:
            raise Refused("'%s' is refused: %s%s" % (c, OF_A_SHELL[c], INSTEAD))
        else:
            word = (word or '') + c
    if quote:
        raise Refused("a quote (%s) that does not end: type it twice" % quote)
    return words if word is None else words + [word]


def no_command(word, hosts):
    name = '!' if word.startswith('!') else word
    if name in NOT_HERE:
        return Refused("'%s' is refused: %s: the operator has chosen the restricted console (%s); try: %s ping %s, or help"
                       % (word, NOT_HERE[name], MODE, hosts[-1], hosts[0]))
    return Refused("there is no command and no host '%s': hosts are %s; help lists the commands (%s)" % (
        word, ', '.join(hosts), MODE))

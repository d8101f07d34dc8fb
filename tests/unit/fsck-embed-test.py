"""The build takes well-formed rules of fsck, and no other: fsck-embed-test.py SOURCE"""
import os
import subprocess
import sys
import tempfile

CORE = os.path.join(sys.argv[1], 'daemon/core')
HEAD = '-- Rules of this test.\n\n'
GOOD = ("-- rule one-live-card (DESIGN 1.1)\n-- One approved application has at most one live card.\n"
        "SELECT serial, 'live'\nFROM blank;\n")
BAD = {
    'no comment at the beginning': GOOD,
    'no clause': HEAD + GOOD.replace(' (DESIGN 1.1)', ''),
    'no name': HEAD + GOOD.replace('one-live-card ', ''),
    'capitals in the name': HEAD + GOOD.replace('one-live', 'One-live'),
    'a word after the clause that means nothing': HEAD + GOOD.replace('1.1)', '1.1) sometimes'),
    'no sentence': HEAD + GOOD.replace('-- One approved application has at most one live card.\n', ''),
    'a sentence without an end': HEAD + GOOD.replace('card.\n', 'card\n'),
    'no statement': HEAD + GOOD[:GOOD.index('SELECT')],
    'two statements': HEAD + GOOD + 'SELECT serial, 1 FROM blank;\n',
    'no semicolon': HEAD + GOOD.replace(';', ''),
    'a statement that writes': HEAD + GOOD[:GOOD.index('SELECT')] + 'DELETE FROM blank;\n',
    'a comment inside the statement': HEAD + GOOD.replace('FROM', '-- of\nFROM'),
    'a table that is not there': HEAD + GOOD.replace('FROM blank', 'FROM blanks'),
    'one column': HEAD + GOOD.replace(", 'live'", ''),
    'a row where nothing is wrong': HEAD + GOOD.replace('\nFROM blank', ''),
    'the name of another rule': HEAD + GOOD + '\n' + GOOD,
}


def build(folder, text):
    rules, out = os.path.join(folder, 'rules.sql'), os.path.join(folder, 'rules.c')
    with open(rules, 'w') as f:
        f.write(text)
    run = subprocess.run([sys.executable, os.path.join(CORE, 'fsck/fsck_embed.py'), out, os.path.join(CORE, 'ledger/schema.sql'),
                          os.path.join(CORE, 'fsck/fsck_setup.sql'), rules], capture_output=True, text=True)
    if run.returncode:
        assert not os.path.exists(out) and run.stderr.startswith(rules + ': '), run.stderr
        return None
    with open(out) as f:
        text = f.read()
    os.unlink(out)
    return text


with tempfile.TemporaryDirectory() as folder:
    made = build(folder, HEAD + GOOD)
    assert made and '"One approved application has at most one live card."' in made and '"FROM blank;\\n"' in made
    for name, text in BAD.items():
        assert build(folder, text) is None, f'the build took {name}'

"""Which cards are spoiled on purpose, and what a person calls it."""

# stage: the cause told to the station; what is seen
STAGES = {
    'print': ('print_streaks', 'streaks over the photo'),
    'accept': ('card_surface', 'scratched on the desk'),
    'write': ('chip_partial', 'pulled out of the reader'),
    'verify': ('print_shifted', 'the face is shifted by a hair'),
    'report': ('card_surface', 'found scratched after the serial was reported'),
}

# a chip that is refused: reason word: cause
REFUSALS = {
    'card_mute': 'chip_mute',
    'chip_slow': 'chip_mute',
    'verify_failed': 'chip_partial',
    'not_issued': 'chip_partial',
}
# no second try for these: it would not help, or would cost the chip a try
FINAL = ('chip_foreign', 'chip_taken', 'chip_personalised', 'chip_locked', 'chip_key_refused', 'chip_small', 'chip_budget',
         'chip_mac', 'key_spent')


class Spoiling:
    """The K cards of --spoil: stage after stage, dealt out to the applicants in turn."""

    def __init__(self, k, applicants):
        stages = [list(STAGES)[n % len(STAGES)] for n in range(k)]
        self.hands = [stages[n::applicants] for n in range(applicants)]
        self.victims = {}  # application: stages at which its next cards are spoiled

    def choose(self, application):
        """An applicant who will get a card."""
        self.victims[application] = self.hands.pop(0) if self.hands else []

    def give_back(self, application):
        """She will not, after all."""
        self.hands.insert(0, self.victims.pop(application, []))

    def due(self, application, stage):
        return self.victims.get(application, [])[:1] == [stage]

    def told(self, application):
        """The applicant's present card is spoiled as planned."""
        self.victims[application].pop(0)

    def open(self):
        return any(self.hands) or any(self.victims.values())

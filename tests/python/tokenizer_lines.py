# SPDX-License-Identifier: Apache-2.0
"""Varied lines for the tokenizer tests: sentences of five languages, many scripts, emoji, marks,
controls, broken UTF-8, long words, runs of spaces, added tokens, and mixtures of all. All lines are
bytes. The same seed gives the same lines."""
import gzip
import json
import pathlib
import random

SENTENCES = """
A dog runs along the beach with a stick in its mouth.
Two children play football in a park while their parents watch.
The old man reads a newspaper on a wooden bench near the river.
A red train crosses a bridge above a deep green valley.
Somebody left a blue bicycle against the wall of the bakery.
She pours coffee into a white cup and looks out of the window.
Three horses stand in the snow behind a broken fence.
A surfer waits for the next wave as the sun goes down.
The market was full of oranges, lemons, fish and flowers.
What is the difference between a kite and a balloon?
I can't believe it's already 10:45 p.m. - we're late again!
Ein Hund läuft mit einem Stock im Maul über den Strand.
Zwei Kinder spielen Fußball im Park, während ihre Eltern zusehen.
Der alte Mann liest auf einer Holzbank am Fluss eine Zeitung.
Ein roter Zug fährt über eine Brücke hoch über dem grünen Tal.
Jemand hat ein blaues Fahrrad an die Wand der Bäckerei gelehnt.
Sie gießt Kaffee in eine weiße Tasse und schaut aus dem Fenster.
Drei Pferde stehen hinter einem kaputten Zaun im Schnee.
Die Größe der Überraschung überstieg alle Erwartungen.
Un chien court sur la plage avec un bâton dans la gueule.
Deux enfants jouent au football dans un parc sous les yeux de leurs parents.
Le vieil homme lit un journal sur un banc en bois près de la rivière.
Un train rouge traverse un pont au-dessus d'une vallée verte.
Quelqu'un a laissé un vélo bleu contre le mur de la boulangerie.
Elle verse du café dans une tasse blanche et regarde par la fenêtre.
Où est l'hôtel ? C'est déjà l'été, il fait très chaud à Orléans.
Un cane corre sulla spiaggia con un bastone in bocca.
Due bambini giocano a calcio in un parco mentre i genitori guardano.
Il vecchio legge il giornale su una panchina di legno vicino al fiume.
Un treno rosso attraversa un ponte sopra una valle verde.
Qualcuno ha lasciato una bicicletta blu contro il muro del panificio.
Lei versa il caffè in una tazza bianca e guarda fuori dalla finestra.
Perché la città è così tranquilla di lunedì?
Un perro corre por la playa con un palo en la boca.
Dos niños juegan al fútbol en un parque mientras sus padres miran.
El anciano lee un periódico en un banco de madera junto al río.
Un tren rojo cruza un puente sobre un valle verde.
Alguien dejó una bicicleta azul contra la pared de la panadería.
Ella sirve café en una taza blanca y mira por la ventana.
¿Dónde está el pingüino? ¡Mañana lo sabremos, señor!
""".strip().split("\n")

FOREIGN = """
東京の古い駅で猫が眠っています。
カタカナとﾊﾝｶｸｶﾅとｶﾞｷﾞ、全角ＡＢＣ１２３！
一只狗在海滩上奔跑，嘴里叼着一根棍子。
한국어 문장은 띄어쓰기가 있습니다. 각각 각
كلب يركض على الشاطئ وفي فمه عصا.
الْحَمْدُ لِلَّٰهِ ﷺ ﷲ ﻻ ﺍﻟﺴﻼﻡ
כלב רץ על החוף עם מקל בפה. שָׁלוֹם
สุนัขวิ่งไปตามชายหาดพร้อมไม้ในปาก น้ำ กำ
एक कुत्ता समुद्र तट पर दौड़ रहा है। क्षत्रिय ज्ञान क़िला
একটি কুকুর সৈকতে দৌড়াচ্ছে
ஒரு நாய் கடற்கரையில் ஓடுகிறது ஸ்ரீ
Собака бежит по пляжу с палкой во рту. ЁЛКА ёлка
Ένας σκύλος τρέχει στην παραλία. ΟΔΟΣ Ὀδυσσεύς
İstanbul'da IŞIK ılık; DŽ ǅ ǆ Ǆ ﬁ ﬂ ﬀ ß ẞ
Việt Nam: một con chó chạy trên bãi biển ở Đà Nẵng
მგელი და ძაღლი ᲛᲒᲔᲚᲘ
Ա ա և շուն
""".strip().split("\n")

EMOJI = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇫🇷🇮🇹", "🇪", "❤️", "❤", "☕", "👨🏿‍🚀", "1️⃣", "©", "®️",
         "‼️", "🧑‍🤝‍🧑", "🫠", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"]
ADDED = ["<s>", "</s>", "<pad>", "<unk>", "<mask>", " <mask> ", "<mask>.", "x<s>y", "<s", "<S>",
         "</s></s>", "[CLS]", "[SEP]", "Word", "word", "WORD", "swordfish", "a word b", "<0x41>",
         "<extra>", "  <extra>  ", "İx", "\u00a0<mask>\u3000", "<mask><mask>", "▁", "▁▁a", "▁<s>"]
SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2003", "\u200b", "\u200c",
          "\u200d", "\ufeff", "\u2028", "\u2029", "\u0085", "\u1680", "\u00ad", "\u2060", " " * 37]
MARKS = [chr(c) for c in list(range(0x300, 0x345)) + [0x345, 0x483, 0x5b0, 0x64b, 0x670, 0x93c,
         0x94d, 0x9cd, 0xe31, 0xe4a, 0xf71, 0xf72, 0xf73, 0x1ab0, 0x20d0, 0x20dd, 0x20e3, 0x3099, 0x309a,
         0xfe0e, 0xfe0f, 0x1f3fb, 0x1d165, 0x1acf, 0x11938, 0x11930]]
PUNCTUATION = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + list("…–—“”„«»¿¡·•†™℠№½²³ªº¨´¸˜¯")


def captions():
    """Real captions where the shared data is there."""
    shared = pathlib.Path(__file__).resolve().parents[2].parent / "shared/data"
    path = shared / "flickr8k-224.captions.jsonl.gz"
    if not path.exists():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["caption"] for line in lines]


class Lines:
    def __init__(self, seed, real=()):
        self.rng = random.Random(seed)
        self.texts = list(real) or SENTENCES
        self.words = [w for s in SENTENCES + FOREIGN for w in s.split()]

    def code_point(self):
        r = self.rng
        while True:
            block = r.choice([(0, 0x80), (0, 0x500), (0x500, 0x1000), (0x1000, 0x3000),
                              (0x3000, 0x10000), (0x10000, 0x20000), (0, 0x110000)])
            c = r.randrange(*block)
            if not 0xd800 <= c < 0xe000:
                return chr(c)

    def piece(self):
        """A short odd thing."""
        r = self.rng
        kind = r.randrange(13)
        if kind == 0:
            return r.choice(EMOJI)
        if kind == 1:
            return r.choice(ADDED)
        if kind == 2:
            return r.choice(SPACES)
        if kind == 3:
            return "".join(r.choice(MARKS) for _ in range(r.choice([1, 1, 1, 2, 3, 40])))
        if kind == 4:
            return r.choice(PUNCTUATION)
        if kind == 5:
            return chr(r.randrange(0, 0x20))
        if kind == 6:
            return self.code_point()
        if kind == 7:
            return r.choice(self.words)
        if kind == 8:
            return r.choice(self.words).upper()
        if kind == 9:
            return str(r.randrange(10 ** r.randrange(1, 12)))
        if kind == 10:
            return r.choice("aeioucnsAEIOUÄöü\u00a0ªĲﬁ\u0600\u06dd") + r.choice(MARKS)
        if kind == 11:
            return r.choice(FOREIGN)[r.randrange(8):][:r.randrange(12)]
        return r.choice(EMOJI) + r.choice(["\u200d", "\ufe0f", ""]) + r.choice(EMOJI + MARKS)

    def text(self):
        r = self.rng
        kind = r.randrange(20)
        if kind < 6:
            return r.choice(self.texts)
        if kind < 8:
            return r.choice(SENTENCES)
        if kind == 8:
            return r.choice(FOREIGN)
        if kind == 9:
            return "".join(self.code_point() for _ in range(r.randrange(1, 30)))
        if kind < 14:
            return "".join(self.piece() for _ in range(r.randrange(1, 16)))
        if kind < 17:
            text = r.choice(self.texts + FOREIGN)
            for _ in range(r.randrange(1, 5)):
                at = r.randrange(len(text) + 1)
                text = text[:at] + self.piece() + text[at:]
            return text
        if kind == 17:
            word = r.choice(self.words + ["a", "ab", "ａ", "の", "🦄", "é"])
            return word * r.randrange(1, 200)
        if kind == 18:
            return r.choice(SPACES).join(r.choice(self.words) for _ in range(r.randrange(1, 12)))
        return r.choice([str.upper, str.lower, str.title, str.swapcase])(r.choice(self.texts))

    def line(self):
        r = self.rng
        data = bytearray(self.text().encode("utf-8"))
        if r.randrange(8) == 0:
            for _ in range(r.randrange(1, 5)):
                at = r.randrange(len(data) + 1)
                act = r.randrange(3)
                if act == 0:
                    data[at:at] = bytes([r.randrange(256)])
                elif act == 1 and at < len(data):
                    del data[at]
                elif at < len(data):
                    data[at] = r.randrange(256)
        return bytes(data)

    def fixed(self):
        """Things that must be in every run."""
        texts = ["", " ", "  ", "a", " a", "a ", "\0", "\0a\0"]
        texts += SENTENCES + FOREIGN + EMOJI + ADDED
        texts += SPACES + [a + b for a in "a\u00a0ªﬁ\u0958\u1100" for b in MARKS] + ["x" * 5000]
        # A conjunct's last consonant that a map replaces, with a mark: the cluster must be one.
        texts += ["\u0915\u094d\u0958\u0301"] * 2 + ["\u0915\u0958\u0301"] * 2
        broken = [b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xc0\xaf",
                  b"a\x80b", b"\xf4\x90\x80\x80", b"\xe2\x28\xa1", b"\xf0\x9f\x98a"]
        return [t.encode("utf-8") for t in texts] + broken

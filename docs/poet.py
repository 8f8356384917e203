# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A poet of your own
#
# A small poet comes with this project: a GPT-2 that has read three million lines of verse. In this notebook it writes,
# reads your poems, and writes again. It runs in Jupyter and on Colab, takes a few minutes, and needs no GPU.
#
# Run one cell after the other with Shift + Enter. What a cell does is written above it.

# %% [markdown]
# ## Install
#
# Once on your own computer, and on Colab once for each visit. In Jupyter, this notebook lies in the folder `docs` of
# the project, and `PROJECT` is right as it is. On Colab, write there `"gpt-2-poetry[train] @ git+ADDRESS"`, where
# ADDRESS is what you would give to `git clone`.

# %%
import importlib.util

PROJECT = "..[train]"
if importlib.util.find_spec("gpt2") is None:
    print("Installing TensorFlow and what else is needed takes a few minutes.")
    # %pip install --quiet "{PROJECT}"

# %% [markdown]
# Everything that this notebook makes goes into one folder, `workshop`, beside it.

# %%
import os
import pathlib

if pathlib.Path.cwd().name != "workshop":
    pathlib.Path("workshop").mkdir(exist_ok=True)
    os.chdir("workshop")

# %% [markdown]
# ## The poet writes
#
# `lines` says when to stop, `n` how many poems you want. The same `seed` gives the same poems; leave it out, and each
# time brings others.

# %%
import gpt2

poet = gpt2.load("poet")
for poem in poet.write("O rose,", lines=4, n=3, seed=1):
    print(poem, end="\n\n")

# %% [markdown]
# ## Your own poems
#
# The next cell makes a folder, `workshop/verse`, and puts five poems of William Blake into it. To use your own, delete
# those files in the list of files at the left, drag yours there, one file for each poem, and do not run the cell
# again. Text files are best; books of Project Gutenberg and tables (CSV) are read too.
#
# Five poems are few. Fifty change the voice of the poet, five hundred make it yours.

# %%
BLAKE = """\
The Sick Rose

O Rose, thou art sick!
The invisible worm,
That flies in the night,
In the howling storm,

Has found out thy bed
Of crimson joy,
And his dark secret love
Does thy life destroy.
* * *
Ah, Sunflower

Ah, sunflower, weary of time,
Who countest the steps of the sun;
Seeking after that sweet golden clime
Where the traveller's journey is done;

Where the Youth pined away with desire,
And the pale virgin shrouded in snow,
Arise from their graves, and aspire
Where my Sunflower wishes to go!
* * *
The Clod and the Pebble

"Love seeketh not itself to please,
Nor for itself hath any care,
But for another gives its ease,
And builds a heaven in hell's despair."

So sang a little Clod of Clay,
Trodden with the cattle's feet,
But a Pebble of the brook
Warbled out these metres meet:

"Love seeketh only Self to please,
To bind another to its delight,
Joys in another's loss of ease,
And builds a hell in heaven's despite."
* * *
A Poison Tree

I was angry with my friend:
I told my wrath, my wrath did end.
I was angry with my foe:
I told it not, my wrath did grow.

And I watered it in fears
Night and morning with my tears,
And I sunned it with smiles
And with soft deceitful wiles.

And it grew both day and night,
Till it bore an apple bright,
And my foe beheld it shine,
And he knew that it was mine,

And into my garden stole
When the night had veiled the pole;
In the morning, glad, I see
My foe outstretched beneath the tree.
* * *
The Fly

Little Fly,
Thy summer's play
My thoughtless hand
Has brushed away.

Am not I
A fly like thee?
Or art not thou
A man like me?

For I dance
And drink, and sing,
Till some blind hand
Shall brush my wing.

If thought is life
And strength and breath
And the want
Of thought is death;

Then am I
A happy fly,
If I live,
Or if I die.
"""

verse = pathlib.Path("verse")
verse.mkdir(exist_ok=True)
for number, text in enumerate(BLAKE.split("* * *\n"), start=1):
    (verse / f"blake-{number}.txt").write_text(text)

# %% [markdown]
# ## Prepare
#
# The poems are cleaned, doubles are dropped, and all become one file of numbers, `mine.npz`, which is what a model
# reads. The report says what was kept.

# %%
print(gpt2.prepare("verse", "mine.npz", model_name="poet"))

# %% [markdown]
# ## Train
#
# The poet reads your poems again and again. `steps` says how many times it learns from them: 20 are enough to see that
# it works; take 200 for fifty poems, more for more. The line below the cell shows the loss, which falls while the poet
# learns.
#
# To stop earlier, press the stop button (■). The poet is saved, and running the cell again continues from there.

# %%
trained = gpt2.train(dataset="mine.npz", model_name="poet", run_name="mine", steps=20)
print(f"{trained.step} steps; the loss fell from {trained.records[0]['loss']:.2f} to {trained.loss:.2f}")

# %% [markdown]
# ## Write
#
# The same first words and the same seed as above, from the poet that has read you. A higher `temperature` is wilder, a
# lower one calmer. `form="sonnet"`, `"ballad"` or `"haiku"` asks for a form.

# %%
mine = gpt2.load("mine")
poems = mine.write("O rose,", lines=4, n=5, seed=1, temperature=0.9)
for number, poem in enumerate(poems):
    print(f"{number}:\n{poem}\n")

# %% [markdown]
# ## Keep what you like
#
# Put the numbers of the poems you like into `LIKED`. They are added to `liked.txt`.

# %%
LIKED = [0, 2]

with open("liked.txt", "a") as file:
    for number in LIKED:
        file.write(f"{poems[number]}\n* * *\n")
print(pathlib.Path("liked.txt").read_text())

# %% [markdown]
# ## Score
#
# How likely do the two poets find a line? The fewer bits a character, the more it is like what they have read.

# %%
line = "And his dark secret love\nDoes thy life destroy."
for name, one in {"before": poet, "after": mine}.items():
    print(f"{name}: {one.score(line).bits_per_character:.2f} bits a character")

# %% [markdown]
# ## Take it elsewhere
#
# The poet becomes a folder in the format of Hugging Face, which transformers and CTranslate2 read; a name that ends in
# `.gguf` gives a file for llama.cpp. On Colab all files vanish when you leave: download what you want to keep.

# %%
if not os.path.exists("my-poet"):
    print(gpt2.convert("checkpoint/mine", "my-poet"))
print("\n".join(sorted(os.listdir("my-poet"))))

# %% [markdown]
# ## More
#
# * `docs/python.md`: all that a notebook can call.
# * `docs/sampling.md`: prompts, forms, endings, and the other words that `write` takes.
# * `docs/training.md`: how to train longer and better. OpenAI's GPT-2 is a stronger poet, if you have a GPU or a
#   night: `models/download.py 124M`.

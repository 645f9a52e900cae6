"""Two of the 20 newsgroups told apart by the words of a post (bag of words), with a multilayer perceptron."""

from levelfield.workloads.base import Adam, Workload
from levelfield.workloads.layers import Dense, Dropout

WORKLOAD = Workload(
    name="newsgroups_mlp",
    title="20 newsgroups, MLP on word counts",
    dataset="newsgroups",
    input_shape=(10_000,),
    classes=2,
    layers=(
        Dense(name="dense1", units=128, activation="relu"),
        Dropout(name="dropout1", rate=0.2),
        Dense(name="dense2", units=128, activation="relu"),
        Dense(name="logits", units=2),
    ),
    optimizer=Adam(),
    batch_size=32,
    epochs=5,
    block_steps=10,
    target_accuracy=0.9,
)

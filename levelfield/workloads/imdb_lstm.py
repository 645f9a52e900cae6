"""Sentiment of IMDB's film reviews (Maas et al. 2011) with an embedding and an LSTM."""

from levelfield.workloads.base import Adam, Workload
from levelfield.workloads.layers import LSTM, Dense, Dropout, Embedding

WORKLOAD = Workload(
    name="imdb_lstm",
    title="IMDB reviews, LSTM",
    dataset="imdb",
    input_shape=(200,),
    classes=2,
    layers=(
        Embedding(name="embedding", vocabulary=10_000, units=128),
        Dropout(name="dropout1", rate=0.2, per_sequence=True),
        LSTM(name="lstm", units=128),
        Dense(name="logit", units=1),
    ),
    loss="binary_cross_entropy",
    optimizer=Adam(),
    batch_size=32,
    epochs=5,
    block_steps=3,
    target_accuracy=0.8,
)

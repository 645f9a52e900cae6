"""The IMDB LSTM in Keras. Layer names are the workload's, so that its weights find their place."""

import keras

from levelfield.data import Dataset
from services.tf_worker.article import Article


def network() -> keras.Model:
    """Tokens (batch, 200) to one logit (batch, 1). The dropout is the one in Keras' LSTM, as a layer of its own: one mask a sequence."""
    return keras.Sequential(
        [
            keras.Input((200,), dtype="int64"),
            keras.layers.Embedding(10_000, 128, name="embedding"),
            keras.layers.SpatialDropout1D(0.2, name="dropout1"),
            keras.layers.LSTM(128, name="lstm"),
            keras.layers.Dense(1, name="logit"),
        ]
    )


def article(dataset: Dataset) -> Article:
    """Dropout on the inputs and on the recurrent state, a probability and its cross-entropy."""
    return Article(
        network=keras.Sequential(
            [
                keras.Input((200,), dtype="int32"),
                keras.layers.Embedding(10_000, 128),
                keras.layers.LSTM(128, dropout=0.2, recurrent_dropout=0.2),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        ),
        loss="binary_crossentropy",
        train=(dataset.x_train, dataset.y_train),
        x_test=dataset.x_test,
        preprocessing="none: the words come as integers",
    )

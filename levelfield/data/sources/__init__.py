"""Where the files of a data set come from: the user's folder or a download, read without being unpacked."""

"""Export rows of the lake to files of another format, from one snapshot, in shards, resumably.

===================  ==================================================================================================
``export``           make, continue and finish an export in a folder
``verify``           compare a folder with its manifest
``publish``          move finished shards into place and write the manifest
``shards``           cut a stream of rows into shards
``rows``             the rows of a snapshot in a fixed order, from any row on
``snapshot``         which versions of which tables an export reads
``work_folder``      the state of an unfinished export
``manifest``         what an export holds: shards, digests, versions
``formats``          find a format by its name; an installed package adds some under ``mixlake.export_formats``
``parquet``, ...     one format each
``format``           what a format implements
===================  ==================================================================================================
"""

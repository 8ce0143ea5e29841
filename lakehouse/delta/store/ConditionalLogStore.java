package mixlake;

import io.delta.storage.S3SingleDriverLogStore;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.Iterator;
import java.util.UUID;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.s3a.AWSServiceIOException;
import org.apache.hadoop.fs.s3a.RemoteFileChangedException;

/**
 * Commits to Delta tables on S3 by conditional put: a version's file is written with {@code If-None-Match: *}, so that
 * the store itself lets one of any number of writers win. delta-rs commits by the same header, so that both may write
 * one table.
 *
 * <p>Delta 4.4 has no such log store: {@link S3SingleDriverLogStore} looks whether the file is there and then writes
 * it, and two processes may pass the look together. Everything but the commit is left to it.
 *
 * <p>A put that was repeated after a lost answer meets its own file. Each commit therefore carries a token in the
 * object's metadata by which it is known again.
 */
public final class ConditionalLogStore extends S3SingleDriverLogStore {
  private static final String CONDITIONAL = "fs.option.create.conditional.overwrite";
  private static final String TOKEN = "mixlake-commit";
  private static final String SET_HEADER = "fs.s3a.create.header.";
  private static final String READ_HEADER = "header.";
  private static final int CONFLICT = 409;

  public ConditionalLogStore(Configuration configuration) {
    super(configuration);
  }

  @Override
  public void write(Path path, Iterator<String> actions, Boolean overwrite, Configuration configuration)
      throws IOException {
    if (overwrite) {
      super.write(path, actions, true, configuration);
      return;
    }
    FileSystem store = path.getFileSystem(configuration);
    String token = UUID.randomUUID().toString();
    // "must" makes a file system that knows no conditional write refuse, rather than write anyway.
    FSDataOutputStreamBuilder<?, ?> builder = store.createFile(path);
    builder.overwrite(false);
    builder.must(CONDITIONAL, true);
    builder.must(SET_HEADER + TOKEN, token);
    FSDataOutputStream out = builder.build();
    try {
      while (actions.hasNext()) {
        out.write((actions.next() + "\n").getBytes(StandardCharsets.UTF_8));
      }
    } catch (IOException | RuntimeException | Error error) {
      // Closing would publish what was written so far.
      out.abort();
      throw error;
    }
    try {
      out.close();
    } catch (IOException error) {
      if (token.equals(heldToken(store, path, error))) {
        return;
      }
      if (isConflict(error)) {
        throw (FileAlreadyExistsException) new FileAlreadyExistsException(path.toString()).initCause(error);
      }
      throw error;
    }
  }

  /** The token of the commit that holds a place, null where none does. */
  private static String heldToken(FileSystem store, Path path, IOException why) throws IOException {
    try {
      byte[] held = store.getXAttr(path, READ_HEADER + TOKEN);
      return held == null ? null : new String(held, StandardCharsets.UTF_8);
    } catch (FileNotFoundException missing) {
      return null;
    } catch (IOException error) {
      // Whether the commit was made cannot be told: the caller hears of the write, not of the look.
      why.addSuppressed(error);
      throw why;
    }
  }

  private static boolean isConflict(Throwable error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof RemoteFileChangedException
          || cause instanceof org.apache.hadoop.fs.FileAlreadyExistsException
          || (cause instanceof AWSServiceIOException && ((AWSServiceIOException) cause).statusCode() == CONFLICT)) {
        return true;
      }
    }
    return false;
  }
}

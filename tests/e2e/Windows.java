// Windows of Flink over the readings of a file, for flink.py.
// Usage: Windows READINGS ROWS DELAY LATENESS tumbling SIZE OFFSET | sliding SIZE SLIDE | session GAP; milliseconds.
// READINGS has lines of sensor,time,value. ROWS gets sensor,start,end,count,sum,min,max at every firing, and a line
// "late" for each reading that no window took.
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.assigners.WindowAssigner;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

public class Windows {
  /** Behind every reading: the newest time less the delay. Flink's watermark says that nothing at or before it comes. */
  static class PerReading implements WatermarkGenerator<Tuple3<String, Long, Double>> {
    private final long delay;
    private long newest = Long.MIN_VALUE;

    PerReading(long delay) { this.delay = delay; }

    @Override
    public void onEvent(Tuple3<String, Long, Double> reading, long time, WatermarkOutput output) {
      newest = Math.max(newest, time);
      output.emitWatermark(new Watermark(newest - delay - 1));
    }

    @Override
    public void onPeriodicEmit(WatermarkOutput output) {}
  }

  static class Row extends ProcessWindowFunction<Tuple3<String, Long, Double>, String, String, TimeWindow> {
    @Override
    public void process(String sensor, Context context, Iterable<Tuple3<String, Long, Double>> readings,
                        Collector<String> rows) {
      long count = 0;
      double sum = 0, min = Double.POSITIVE_INFINITY, max = Double.NEGATIVE_INFINITY;
      for (Tuple3<String, Long, Double> reading : readings) {
        ++count;
        sum += reading.f2;
        min = Math.min(min, reading.f2);
        max = Math.max(max, reading.f2);
      }
      TimeWindow window = context.window();
      rows.collect(sensor + "," + window.getStart() + "," + window.getEnd() + "," + count + "," + sum + "," + min + ","
          + max);
    }
  }

  static WindowAssigner<Object, TimeWindow> assigner(String[] words) {
    long size = Long.parseLong(words[5]);
    switch (words[4]) {
      case "tumbling":
        return TumblingEventTimeWindows.of(java.time.Duration.ofMillis(size),
                                           java.time.Duration.ofMillis(Long.parseLong(words[6])));
      case "sliding":
        return SlidingEventTimeWindows.of(java.time.Duration.ofMillis(size),
                                          java.time.Duration.ofMillis(Long.parseLong(words[6])));
      default:
        return EventTimeSessionWindows.withGap(java.time.Duration.ofMillis(size));
    }
  }

  public static void main(String[] words) throws Exception {
    long delay = Long.parseLong(words[2]), lateness = Long.parseLong(words[3]);
    List<Tuple3<String, Long, Double>> readings = new ArrayList<>();
    for (String line : Files.readAllLines(Path.of(words[0]))) {
      String[] part = line.split(",");
      readings.add(Tuple3.of(part[0], Long.parseLong(part[1]), Double.parseDouble(part[2])));
    }
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(1);
    OutputTag<Tuple3<String, Long, Double>> late =
        new OutputTag<>("late", Types.TUPLE(Types.STRING, Types.LONG, Types.DOUBLE));
    SingleOutputStreamOperator<String> rows =
        environment.fromCollection(readings, Types.TUPLE(Types.STRING, Types.LONG, Types.DOUBLE))
            .assignTimestampsAndWatermarks(
                WatermarkStrategy.<Tuple3<String, Long, Double>>forGenerator(context -> new PerReading(delay))
                    .withTimestampAssigner((reading, before) -> reading.f1))
            .keyBy(reading -> reading.f0, Types.STRING)
            .window(assigner(words))
            .allowedLateness(java.time.Duration.ofMillis(lateness))
            .sideOutputLateData(late)
            .process(new Row());
    try (PrintWriter file = new PrintWriter(words[1])) {
      rows.union(rows.getSideOutput(late).map(reading -> "late", Types.STRING))
          .executeAndCollect()
          .forEachRemaining(file::println);
    }
  }
}

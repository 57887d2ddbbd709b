// The tables of `minute_window` as former versions of the program made them, with a row.
#pragma once

namespace edgetide::test {

inline constexpr const char* postgres_version_1 = R"(
CREATE SCHEMA edgetide;
CREATE TABLE edgetide.series (
  series_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  gateway     text NOT NULL,
  grouped     boolean NOT NULL DEFAULT false,
  sensor_id   text NOT NULL,
  metric      text NOT NULL,
  unit        text NOT NULL DEFAULT '',
  labels      jsonb NOT NULL DEFAULT '{}',
  first_seen  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (gateway, grouped, sensor_id, metric));
CREATE TABLE edgetide.sink_state (
  gateway      text NOT NULL,
  sink         text NOT NULL,
  incarnation  bigint NOT NULL,
  state_id     bigint NOT NULL,
  run          bigint NOT NULL,
  epoch        bigint NOT NULL,
  updated_at   timestamptz NOT NULL DEFAULT now(),
  claimed_by   text NOT NULL DEFAULT '',
  claimed_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (gateway, sink));
CREATE TABLE edgetide.minute_data (
  time        timestamptz NOT NULL,
  time_end    timestamptz,
  series_id   bigint NOT NULL REFERENCES edgetide.series,
  state       text NOT NULL,
  is_final    boolean NOT NULL,
  revision    bigint NOT NULL,
  epoch       bigint NOT NULL,
  state_id    bigint NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT now(),
  row_labels  jsonb,
  PRIMARY KEY (series_id, time));
ALTER TABLE edgetide.minute_data
  ADD COLUMN count bigint,
  ADD COLUMN avg double precision;
CREATE INDEX minute_data_time ON edgetide.minute_data USING brin (time);
CREATE VIEW edgetide.minute AS
  SELECT s.gateway, s.sensor_id, s.metric, s.unit, coalesce(d.row_labels, s.labels) AS labels, d.*
  FROM edgetide.minute_data d JOIN edgetide.series s USING (series_id);
CREATE VIEW edgetide.minute_latest AS
  SELECT s.gateway, s.sensor_id, s.metric, s.unit, coalesce(d.row_labels, s.labels) AS labels, d.*
  FROM edgetide.series s CROSS JOIN LATERAL
    (SELECT * FROM edgetide.minute_data w WHERE w.series_id = s.series_id ORDER BY w.time DESC LIMIT 1) d;
INSERT INTO edgetide.series (gateway, sensor_id, metric) VALUES ('gw', 's', 't');
INSERT INTO edgetide.sink_state VALUES ('gw', 'history', 1, 1, 1, 7);
INSERT INTO edgetide.minute_data (time, time_end, series_id, state, is_final, revision, epoch, state_id, count, avg)
  VALUES ('1970-01-01 00:00Z', '1970-01-01 00:01Z', 1, 'closed', false, 2, 7, 1, 3, 0.1);
)";

}  // namespace edgetide::test
